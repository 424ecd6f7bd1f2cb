// The few functions and classes that PyTorch's tensors are pickled with; see torch_values.h.
#include "models/import/torch_values.h"

#include <array>
#include <map>

#include "engine/io/problem.h"
#include "models/import/words.h"

namespace gsx::torch_values {

using pickle::Kind;
using pickle::Pickle;
using pickle::Sequence;
using pickle::Value;

namespace {

constexpr size_t kMostTensors = 50'000, kDeepest = 200;
constexpr int64_t kMostElements = int64_t{1} << 46;

struct TypeName {
  std::string_view storage, dtype;
  FileDType type;
};
constexpr TypeName kTypes[] = {{"FloatStorage", "float32", FileDType::f32},
                               {"DoubleStorage", "float64", FileDType::f64},
                               {"HalfStorage", "float16", FileDType::f16},
                               {"BFloat16Storage", "bfloat16", FileDType::bf16},
                               {"LongStorage", "int64", FileDType::i64},
                               {"IntStorage", "int32", FileDType::i32},
                               {"ShortStorage", "int16", FileDType::i16},
                               {"CharStorage", "int8", FileDType::i8},
                               {"ByteStorage", "uint8", FileDType::u8},
                               {"BoolStorage", "bool", FileDType::boolean},
                               {"ComplexFloatStorage", "complex64", FileDType::c64},
                               {"UntypedStorage", "uint8", FileDType::u8},
                               {"UInt64Storage", "uint64", FileDType::u64},
                               {"UInt32Storage", "uint32", FileDType::u32},
                               {"UInt16Storage", "uint16", FileDType::u16},
                               {"Float8_e4m3fnStorage", "float8_e4m3fn", FileDType::f8_e4m3},
                               {"Float8_e5m2Storage", "float8_e5m2", FileDType::f8_e5m2}};

std::string quoted(const std::string& name) { return "'" + shown_name(name) + "'"; }

int64_t whole_number(const Value& v, const char* what) {
  require(v.kind == Kind::integer && v.integer >= 0 && v.integer < kMostElements,
          "has a tensor whose ", what, " is no whole number in bounds");
  return v.integer;
}

class Walk {
 public:
  explicit Walk(const Pickle& p) : pickle_(p), steps_(8 * p.count() + 1000) {}

  Tensors run() {
    if (const auto tensor = as_tensor(pickle_.root(), "tensor")) {
      found_.root.tensors.emplace_back("tensor", *tensor);
    } else {
      collect(pickle_.root(), found_.root, 0);
    }
    return std::move(found_);
  }

 private:
  // What a tensor or a group is called, below `prefix`.
  std::string joined(const std::string& prefix, const std::string& key) {
    name_bytes_ += check_joined_name(prefix, key);
    check_name_bytes(name_bytes_);
    return prefix + key;
  }

  void spend() { require(steps_-- > 0, "refers to the same values again and again"); }

  bool is(const Value& callable, std::string_view module, std::string_view name) const {
    if (callable.kind != Kind::global) return false;
    const pickle::Global& g = pickle_.global(callable);
    return g.module == module && g.name == name;
  }

  // ---- Tensors.

  const Sequence& arguments(const Value& object, size_t least, const std::string& key) const {
    const Value& a = pickle_.object(object).arguments;
    require(a.kind == Kind::tuple && pickle_.items(a).size() >= least, "makes the tensor ",
            quoted(key), " of too few values");
    return pickle_.items(a);
  }

  // The number of the tensor that a value is; nothing for what is none.
  std::optional<size_t> as_tensor(const Value& v, const std::string& key, size_t depth = 0) {
    if (v.kind != Kind::object) return std::nullopt;
    require(depth < 8, "wraps the tensor ", quoted(key), " too often");
    const Value& call = pickle_.object(v).callable;
    if (is(call, "torch._utils", "_rebuild_tensor") ||
        is(call, "torch._utils", "_rebuild_tensor_v2"))
      return rebuilt(arguments(v, 4, key), key, std::nullopt);
    if (is(call, "torch._utils", "_rebuild_tensor_v3"))
      return rebuilt(arguments(v, 7, key), key, dtype_of(arguments(v, 7, key)[6], key));
    if (is(call, "torch._utils", "_rebuild_parameter") ||
        is(call, "torch._utils", "_rebuild_parameter_with_state") ||
        is(call, "torch.nn.parameter", "Parameter") || is(call, "torch.nn.parameter", "Buffer")) {
      const Sequence& a = arguments(v, 1, key);
      const auto inner = as_tensor(a[0], key, depth + 1);
      require(inner.has_value(), "makes the parameter ", quoted(key), " of what is no tensor");
      return inner;
    }
    if (is(call, "torch._tensor", "_rebuild_from_type_v2") ||
        is(call, "torch.tensor", "_rebuild_from_type")) {
      const Sequence& a = arguments(v, 3, key);
      if (is(a[0], "torch._utils", "_rebuild_tensor_v2") && a[2].kind == Kind::tuple &&
          pickle_.items(a[2]).size() >= 4)
        return rebuilt(pickle_.items(a[2]), key, std::nullopt);
    }
    refuse_unknown(v, call, key);
    return std::nullopt;
  }

  // Functions of PyTorch that make tensors some other way, and any function of a tensor.
  void refuse_unknown(const Value& v, const Value& call, const std::string& key) {
    if (call.kind != Kind::global) return;
    const pickle::Global& g = pickle_.global(call);
    const bool rebuilds = g.name.starts_with("_rebuild") || g.name == "_load_from_bytes";
    require(!rebuilds || !g.module.starts_with("torch"), "holds ", quoted(key), ", which ",
            pickle_.name(call),
            " makes: gsx runs nothing that a file names; save it as an ordinary ", "dense tensor");
    const Value& a = pickle_.object(v).arguments;
    if (a.kind != Kind::tuple) return;
    for (const Value& argument : pickle_.items(a)) {
      spend();
      if (argument.kind != Kind::object) continue;
      const Value& inner = pickle_.object(argument).callable;
      const bool tensor = inner.kind == Kind::global &&
                          pickle_.global(inner).module == "torch._utils" &&
                          pickle_.global(inner).name.starts_with("_rebuild");
      require(!tensor, "holds ", quoted(key), ", which ", pickle_.name(call),
              " makes of a tensor: gsx runs nothing that a file names; save the tensor itself");
    }
  }

  FileDType dtype_of(const Value& v, const std::string& key) const {
    require(v.kind == Kind::global && pickle_.global(v).module == "torch", "gives the tensor ",
            quoted(key), " no element type");
    for (const TypeName& t : kTypes)
      if (t.dtype == pickle_.global(v).name) return t.type;
    require(false, "holds ", quoted(key), " of the element type ", pickle_.name(v),
            ", which gsx does not read");
    return {};
  }

  size_t storage(const Value& v) {
    Storage s = storage_of(pickle_, v);
    const auto [at, fresh] = by_key_.try_emplace(s.key, found_.storages.size());
    if (fresh) {
      found_.storages.push_back(std::move(s));
    } else {
      const Storage& known = found_.storages[at->second];
      require(known.elements * size_of(known.dtype) == s.elements * size_of(s.dtype),
              "gives the numbers of one tensor two lengths");
    }
    return at->second;
  }

  size_t rebuilt(const Sequence& a, const std::string& key, std::optional<FileDType> dtype) {
    spend();
    require(a[0].kind == Kind::persistent, "makes the tensor ", quoted(key), " of no storage");
    require(found_.places.size() < kMostTensors, "holds more than ", kMostTensors, " tensors");
    Place p;
    const Storage own = storage_of(pickle_, a[0]);
    p.storage = storage(a[0]);
    p.dtype = dtype.value_or(own.dtype);
    p.offset = static_cast<uint64_t>(whole_number(a[1], "offset")) + view_offset(a[0]);
    require(a[2].kind == Kind::tuple || a[2].kind == Kind::list || a[2].kind == Kind::object,
            "gives the tensor ", quoted(key), " no shape");
    for (const Value& d : dimensions(a[2])) p.shape.push_back(whole_number(d, "size"));
    for (const Value& d : dimensions(a[3]))
      p.stride.push_back(static_cast<uint64_t>(whole_number(d, "stride")));
    check_inside(p, key);
    found_.places.push_back(std::move(p));
    return found_.places.size() - 1;
  }

  const Sequence& dimensions(const Value& v) const {
    if (v.kind == Kind::tuple || v.kind == Kind::list) return pickle_.items(v);
    if (v.kind == Kind::object) {  // torch.Size((...))
      const Value& a = pickle_.object(v).arguments;
      if (a.kind == Kind::tuple && pickle_.items(a).size() == 1 &&
          pickle_.items(a)[0].kind == Kind::tuple)
        return pickle_.items(pickle_.items(a)[0]);
    }
    require(false, "has a tensor without sizes and strides");
    return pickle_.items(v);
  }

  // Old files' views say where in their storage they begin.
  uint64_t view_offset(const Value& persistent) const {
    const Sequence& id = pickle_.items(persistent);
    if (id.size() < 6 || id[5].kind != Kind::tuple) return 0;
    const Sequence& view = pickle_.items(id[5]);
    require(view.size() >= 2, "has a view without a place");
    return static_cast<uint64_t>(whole_number(view[1], "offset"));
  }

  void check_inside(const Place& p, const std::string& key) const {
    require(p.shape.size() == p.stride.size() && p.shape.size() <= 64, "gives the tensor ",
            quoted(key), " ", p.shape.size(), " sizes and ", p.stride.size(), " strides");
    const size_t width = size_of(p.dtype);
    const Storage& s = found_.storages[p.storage];
    const uint64_t elements = s.elements * size_of(s.dtype) / width;
    const auto count = element_count(p.shape, width);
    require(count.has_value(), "has a tensor ", quoted(key), " with an absurd shape");
    if (*count == 0) return;
    uint64_t last = p.offset;
    bool inside = last < elements;
    for (size_t d = 0; d < p.shape.size() && inside; ++d) {
      const auto steps = static_cast<uint64_t>(p.shape[d] - 1);
      inside = steps == 0 || p.stride[d] <= (elements - 1 - last) / steps;
      if (inside) last += steps * p.stride[d];
    }
    require(inside, "has a tensor ", quoted(key), " that reaches beyond its storage of ", elements,
            " elements");
  }

  // ---- What holds them.

  void place(const Value& v, const std::string& key, TensorGroup& to, size_t depth) {
    spend();
    if (const auto tensor = as_tensor(v, key)) {
      joined("", key);
      to.tensors.emplace_back(key, *tensor);
      return;
    }
    TensorGroup group{key, {}, {}};
    collect(v, group, depth + 1);
    if (group.tensors.empty() && group.groups.empty()) return;
    joined("", key);
    to.groups.push_back(std::move(group));
  }

  void collect(const Value& v, TensorGroup& to, size_t depth) {
    spend();
    require(depth < kDeepest, "nests its values more than ", kDeepest, " deep");
    if (v.kind == Kind::dict) return collect_pairs(pickle_.items(v), to, depth);
    if (v.kind == Kind::list || v.kind == Kind::tuple) {
      size_t i = 0;
      for (const Value& item : pickle_.items(v)) place(item, std::to_string(i++), to, depth);
      return;
    }
    if (v.kind != Kind::object) return;
    const pickle::Object& object = pickle_.object(v);
    if (object.state.kind == Kind::dict) {
      if (pickle_.find(object.state, "_parameters") && pickle_.find(object.state, "_modules"))
        return collect_module(object.state, "", to, depth);
      if (is_script(object.callable)) return collect_script(object.state, "", to, depth);
    }
    collect_pairs(object.items, to, depth);  // of a class that is a dictionary
  }

  void collect_pairs(const Sequence& pairs, TensorGroup& to, size_t depth) {
    // The last of equal keys holds.
    std::map<std::string, size_t> last;
    for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
      spend();
      if (const auto key = key_of(pairs[i])) last[*key] = i;
    }
    for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
      const auto key = key_of(pairs[i]);
      if (key && last[*key] == i) place(pairs[i + 1], *key, to, depth);
    }
  }

  std::optional<std::string> key_of(const Value& v) const {
    if (v.kind == Kind::text) {
      require(v.index <= 4096, "has a key of more than 4096 letters");
      return std::string(pickle_.text(v));
    }
    if (v.kind == Kind::integer) return std::to_string(v.integer);
    return std::nullopt;
  }

  // A whole module: its tensors under "a.b.weight", its classes unasked.
  void collect_module(const Value& state, const std::string& prefix, TensorGroup& to,
                      size_t depth) {
    spend();
    require(depth < kDeepest, "nests its modules more than ", kDeepest, " deep");
    const Value* hidden = pickle_.find(state, "_non_persistent_buffers_set");
    for (const char* kind : {"_parameters", "_buffers"}) {
      const Value* tensors = pickle_.find(state, kind);
      if (!tensors || tensors->kind != Kind::dict) continue;
      const Sequence& pairs = pickle_.items(*tensors);
      for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
        const auto key = key_of(pairs[i]);
        if (!key || (kind[1] == 'b' && hidden && holds(*hidden, *key))) continue;
        const std::string name = joined(prefix, *key);
        if (const auto tensor = as_tensor(pairs[i + 1], name))
          to.tensors.emplace_back(name, *tensor);
      }
    }
    const Value* modules = pickle_.find(state, "_modules");
    if (!modules || modules->kind != Kind::dict) return;
    const Sequence& pairs = pickle_.items(*modules);
    for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
      const auto key = key_of(pairs[i]);
      if (!key || pairs[i + 1].kind != Kind::object) continue;
      const Value& inner = pickle_.object(pairs[i + 1]).state;
      if (inner.kind == Kind::dict)
        collect_module(inner, joined(prefix, *key + "."), to, depth + 1);
    }
  }

  // A set's values: pickled as a list, or as a call of `set` with one.
  bool holds(const Value& set, const std::string& key) {
    Value list = set;
    if (set.kind == Kind::object) {
      const Value& a = pickle_.object(set).arguments;
      if (a.kind == Kind::tuple && !pickle_.items(a).empty()) list = pickle_.items(a)[0];
    }
    if (list.kind != Kind::list) return false;
    for (const Value& v : pickle_.items(list)) {
      spend();
      if (pickle_.is_text(v, key)) return true;
    }
    return false;
  }

  // TorchScript's classes are named by where their code would lie.
  bool is_script(const Value& callable) const {
    return callable.kind == Kind::global &&
           pickle_.global(callable).module.starts_with("__torch__");
  }
  void collect_script(const Value& state, const std::string& prefix, TensorGroup& to,
                      size_t depth) {
    spend();
    require(depth < kDeepest, "nests its modules more than ", kDeepest, " deep");
    const Sequence& pairs = pickle_.items(state);
    for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
      const auto key = key_of(pairs[i]);
      const Value& v = pairs[i + 1];
      if (!key || v.kind != Kind::object) continue;
      const std::string name = joined(prefix, *key);
      if (const auto tensor = as_tensor(v, name)) {
        to.tensors.emplace_back(name, *tensor);
      } else if (pickle_.object(v).state.kind == Kind::dict) {
        collect_script(pickle_.object(v).state, joined(name, "."), to, depth + 1);
      }
    }
  }

  const Pickle& pickle_;
  size_t steps_, name_bytes_ = 0;
  Tensors found_;
  std::map<std::string, size_t> by_key_;
};

}  // namespace

Storage storage_of(const Pickle& pickle, const Value& v) {
  require(v.kind == Kind::persistent, "has a tensor without a storage");
  const Sequence& id = pickle.items(v);
  require(id.size() >= 5 && pickle.is_text(id[0], "storage") && id[1].kind == Kind::global,
          "refers to something outside that is no storage");
  const auto dtype = storage_dtype(pickle.global(id[1]).name);
  require(dtype.has_value(), "has a storage of the type ", pickle.name(id[1]),
          ", which gsx does not read");
  require(id[2].kind == Kind::text || id[2].kind == Kind::integer, "has a storage without a key");
  Storage s;
  s.key = id[2].kind == Kind::text ? std::string(pickle.text(id[2]).substr(0, 256))
                                   : std::to_string(id[2].integer);
  s.dtype = *dtype;
  s.elements = static_cast<uint64_t>(whole_number(id[4], "storage's length"));
  return s;
}

std::optional<FileDType> storage_dtype(std::string_view name) {
  for (const TypeName& t : kTypes)
    if (t.storage == name || t.dtype == name) return t.type;
  return std::nullopt;
}

Tensors find(const Pickle& pickle) { return Walk(pickle).run(); }

}  // namespace gsx::torch_values
