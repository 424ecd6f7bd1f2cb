// What is remembered of the teacher has the bits of what is computed.
#include "gs/losses/teacher_targets.h"

#include <cstring>

#include "engine/ops.h"
#include "tests/catch.h"
#include "tests/gs/step_networks.h"

using namespace gsx;
using namespace gsx::test;

namespace {

const Setting& setting = kSettings[1];

struct Fixture {
  ContextPtr context = Context::create();
  Networks n = make_networks(setting, context);
  const Graph& teacher = n.student;
  Distance distance{&n.features, n.features.feature_layers, teacher.output_format, {}};

  // Photos by number, whose names they are.
  ImageBatch sources(const std::vector<int>& numbers) const {
    ImageBatch batch;
    std::vector<Tensor> all;
    for (const int i : numbers) {
      const Shape& s = setting.input;
      all.push_back(
          images(context, {1, s[1], s[2], s[3]}, kImageFormat, static_cast<uint64_t>(100 + i)));
      batch.keys.push_back("photo " + std::to_string(i));
    }
    batch.images = concat_batch(all);
    return batch;
  }
};

void check_same(const Tensor& got, const Tensor& want) {
  REQUIRE(got.shape() == want.shape());
  const auto a = got.to_vector(), b = want.to_vector();
  CHECK(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

void check_same(const TeacherTarget& got, const TeacherTarget& want) {
  check_same(got.images, want.images);
  REQUIRE(got.layers.size() == want.layers.size());
  for (size_t i = 0; i < got.layers.size(); ++i) check_same(got.layers[i], want.layers[i]);
}

}  // namespace

TEST_CASE("teacher targets: remembered ones have the bits of fresh ones") {
  const Fixture f;
  TeacherTargets all(f.teacher, true), none(f.teacher, false);
  for (const auto& numbers : {std::vector{0, 1}, {1, 2, 0}, {0}, {2, 2}}) {
    const ImageBatch sources = f.sources(numbers);
    const TeacherTarget got = all.of(sources, &f.distance);
    check_same(got, none.of(sources, &f.distance));
    CHECK(got.layers.size() == f.n.features.feature_layers.size());
    CHECK(got.layers[0].dim(0) == static_cast<int64_t>(numbers.size()));
  }
  CHECK(none.bytes() == 0);
  CHECK(all.bytes() > 0);
  CHECK(all.of(f.sources({0})).layers.size() ==
        f.n.features.feature_layers.size());  // as they were asked for
}

TEST_CASE("teacher targets: photos beyond the limit are computed each time") {
  const Fixture f;
  TeacherTargets one(f.teacher, true);
  one.of(f.sources({0}), &f.distance);
  const size_t limit = 2 * one.bytes() + 1;
  TeacherTargets two(f.teacher, true, limit), none(f.teacher, false);
  for (int round = 0; round < 2; ++round)
    for (const int i : {0, 1, 2, 3})
      check_same(two.of(f.sources({i}), &f.distance), none.of(f.sources({i}), &f.distance));
  CHECK(two.bytes() == limit - 1);
}

TEST_CASE("teacher targets: the distance's target is its parts") {
  const Fixture f;
  const Tensor y = f.teacher.run(f.sources({3, 4}).images);
  for (const bool on_images : {false, true}) {
    DistanceOptions options;
    options.content_on_images = on_images;
    const Distance d(&f.n.features, f.n.features.feature_layers, f.teacher.output_format, options);
    const Distance::Target whole = d.target(y);
    check_same({d.content(y), d.layers(y)}, {whole.content, whole.layers});
  }
  DistanceOptions l1;
  l1.kind = DistanceKind::l1;
  const Distance d(nullptr, {}, f.teacher.output_format, l1);
  CHECK(d.layers(y).empty());
  check_same(d.content(y), d.target(y).content);
}
