// JSON values: how they are made, read and written.
#include "engine/json.h"

#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "tests/catch.h"

namespace gsx {

TEST_CASE("json: pairs make an object, other lists an array") {
  const Json object = {{"width", 8}, {"name", "net"}, {"list", {1, 2, 3}}, {"none", nullptr}};
  CHECK(object.dump() == R"({"width":8,"name":"net","list":[1,2,3],"none":null})");
  CHECK(Json({1, "a", true, 0.5}).dump() == R"([1,"a",true,0.5])");
  CHECK(Json({{"a", "b"}}).dump() == R"({"a":"b"})");
  CHECK(Json::array({{"a", 1}}).dump() == R"([["a",1]])");
  CHECK(Json().dump() == "null");
  CHECK(Json::object().dump() == "{}");
  CHECK(Json(std::vector<float>{0.5f, 2}).dump() == "[0.5,2.0]");
  CHECK(Json(std::vector<bool>{true, false}).dump() == "[true,false]");
  CHECK(Json(std::map<std::string, int>{{"b", 1}, {"a", 2}}).dump() == R"({"a":2,"b":1})");
}

TEST_CASE("json: keys keep their order and the last of equal keys counts") {
  Json json = Json::parse(R"({"z":1,"a":{"k":[]},"z":2})");
  CHECK(json.dump() == R"({"z":2,"a":{"k":[]}})");
  json["new"]["deep"] = 3;
  json.erase("z");
  json.update({{"a", 0}, {"more", false}});
  CHECK(json.dump() == R"({"a":0,"new":{"deep":3},"more":false})");
}

TEST_CASE("json: texts are written as nlohmann-json writes them") {
  const std::vector<std::string> texts = {
      R"([1e-05,1.0,-0.0,1e300,123456789.25,0.1,3,-7,18446744073709551615,-9223372036854775808])",
      R"({"a":"\u0001\n\"\\/é","b":[[],{},[{}]],"c":{"d":null}})",
      R"("text")",
      "true",
      "[]",
      R"([1,[2,[3,{"x":[4]}]]])",
      "2e400",
      R"(["\ud83d\ude00"])"};
  for (const std::string& text : texts) {
    const auto theirs = nlohmann::ordered_json::parse(text, nullptr, false);
    if (theirs.is_discarded()) {
      CHECK_THROWS_AS(Json::parse(text), Json::exception);
      continue;
    }
    const Json ours = Json::parse(text);
    CHECK(ours.dump() == theirs.dump());
    CHECK(ours.dump(2) == theirs.dump(2));
    CHECK(ours == Json::parse(ours.dump()));
  }
  CHECK(Json(std::numeric_limits<double>::infinity()).dump() == "null");
}

TEST_CASE("json: what is no text is refused") {
  for (const char* text : {"", "{", "[1,]", "{\"a\"}", "nul", "[1] 2", "\"\xff\""})
    CHECK_THROWS_AS(Json::parse(text), Json::exception);
  CHECK(Json::parse_or_null("{").is_null());
  const auto nested = [](int depth) {
    return std::string(static_cast<size_t>(depth), '[') +
           std::string(static_cast<size_t>(depth), ']');
  };
  CHECK_NOTHROW(Json::parse(nested(Json::kMaxDepth)));
  CHECK_THROWS_AS(Json::parse(nested(Json::kMaxDepth + 1)), Json::exception);
  CHECK_THROWS_AS(Json::parse(nested(1000000)), Json::exception);
  CHECK_THROWS_AS(Json("\xff").dump(), Json::exception);
  CHECK(Json("a\xff").dump(-1, true) == "\"a\uFFFD\"");
}

TEST_CASE("json: values are read as what they are") {
  const Json json =
      Json::parse(R"({"n":3,"x":2.5,"s":"t","b":true,"l":[1,2],"m":{"k":1},"neg":-1})");
  CHECK(json.at("n").get<int>() == 3);
  CHECK(json.at("n").get<float>() == 3.0f);
  CHECK(json.at("x").get<int>() == 2);
  const std::string text = json.at("s");
  CHECK(text == "t");
  CHECK(json.at("l").get<std::vector<int64_t>>() == std::vector<int64_t>{1, 2});
  CHECK(json.at("m").get<std::map<std::string, int>>().at("k") == 1);
  CHECK(json.value("n", 0) == 3);
  CHECK(json.value("absent", 7) == 7);
  CHECK(json.value("absent", "none") == "none");
  CHECK(json.at("s") == "t");
  CHECK(json.at("n") == 3.0);
  CHECK(json.at("neg") != Json(std::numeric_limits<uint64_t>::max()));
  CHECK(json.contains("b"));
  CHECK_FALSE(json.at("l").contains("b"));
  CHECK_THROWS_AS(json.at("absent"), Json::exception);
  CHECK_THROWS_AS(json["absent"], Json::exception);
  CHECK_THROWS_AS(json.at("s").get<int>(), Json::exception);
  CHECK_THROWS_AS(json.at("n").get<std::string>(), Json::exception);
  CHECK_THROWS_AS(json.at("l").at(2), Json::exception);
  CHECK_THROWS_AS(Json(1e30).get<int64_t>(), Json::exception);
  CHECK_THROWS_AS(Json(std::nan("")).get<int>(), Json::exception);
}

TEST_CASE("json: a value may be given to what it lies in") {
  Json json = {{"a", {{"b", {1, 2}}}}};
  json = json["a"];
  CHECK(json.dump() == R"({"b":[1,2]})");
  Json copy = json;
  copy["b"].push_back(json);
  CHECK(copy.dump() == R"({"b":[1,2,{"b":[1,2]}]})");
  const Json moved = std::move(copy);
  CHECK(moved.size() == 1);
}

}  // namespace gsx
