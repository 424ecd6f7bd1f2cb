// Canny's edges, widened and blurred; see edge_smoothing.h.
#include "gs/train/edge_smoothing.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

namespace gsx {

namespace {

constexpr int kReach = 2;                                  // of the dilation and of the blur
constexpr std::array<int, 5> kBinomial = {1, 4, 6, 4, 1};  // over 16

// A plane of numbers that repeats its border.
template <class T>
struct Plane {
  Plane(int w, int h) : width(w), height(h), values(static_cast<size_t>(w) * h) {}
  T& at(int x, int y) { return values[static_cast<size_t>(y) * width + x]; }
  const T& at(int x, int y) const {
    x = std::clamp(x, 0, width - 1);
    y = std::clamp(y, 0, height - 1);
    return values[static_cast<size_t>(y) * width + x];
  }
  int width, height;
  std::vector<T> values;
};

Plane<int> grey_of(const Image& image) {
  Plane<int> grey(image.width, image.height);
  for (size_t i = 0; i < grey.values.size(); ++i) {
    const uint8_t* p = &image.rgb[3 * i];
    grey.values[i] = (299 * p[0] + 587 * p[1] + 114 * p[2] + 500) / 1000;
  }
  return grey;
}

struct Gradient {
  int x = 0, y = 0;
  int size() const { return std::abs(x) + std::abs(y); }
};

Plane<Gradient> gradients_of(const Plane<int>& grey) {
  Plane<Gradient> out(grey.width, grey.height);
  for (int y = 0; y < grey.height; ++y)
    for (int x = 0; x < grey.width; ++x) {
      const auto v = [&](int dx, int dy) { return grey.at(x + dx, y + dy); };
      out.at(x, y) = {v(1, -1) + 2 * v(1, 0) + v(1, 1) - v(-1, -1) - 2 * v(-1, 0) - v(-1, 1),
                      v(-1, 1) + 2 * v(0, 1) + v(1, 1) - v(-1, -1) - 2 * v(0, -1) - v(1, -1)};
    }
  return out;
}

// Whether a gradient is the largest along its direction, to the next eighth of a turn. Outside the
// image there is none.
bool is_ridge(const Plane<Gradient>& all, int x, int y) {
  const Gradient& g = all.at(x, y);
  constexpr double kEighth = 0.41421356237309503;  // tan 22.5 degrees
  const double gx = std::abs(g.x), gy = std::abs(g.y);
  int dx = 1, dy = 0;
  if (gy > gx / kEighth) {
    dx = 0;
    dy = 1;
  } else if (gy > gx * kEighth) {
    dy = (g.x < 0) == (g.y < 0) ? 1 : -1;
  }
  const auto size = [&](int at_x, int at_y) {
    const bool inside = at_x >= 0 && at_y >= 0 && at_x < all.width && at_y < all.height;
    return inside ? all.at(at_x, at_y).size() : 0;
  };
  // Of two equal ones the first is the ridge.
  return g.size() > size(x - dx, y - dy) && g.size() >= size(x + dx, y + dy);
}

}  // namespace

std::vector<uint8_t> canny_edges(const Image& image, int low, int high) {
  const Plane<Gradient> gradients = gradients_of(grey_of(image));
  const int width = image.width, height = image.height;
  std::vector<uint8_t> edges(static_cast<size_t>(width) * height, 0);
  std::vector<bool> weak(edges.size(), false);
  std::vector<int> found;  // whose neighbours are still to be looked at
  for (int i = 0; i < width * height; ++i) {
    const int x = i % width, y = i / width, size = gradients.at(x, y).size();
    if (size <= low || !is_ridge(gradients, x, y)) continue;
    weak[static_cast<size_t>(i)] = true;
    if (size <= high) continue;
    edges[static_cast<size_t>(i)] = 255;
    found.push_back(i);
  }
  while (!found.empty()) {
    const int x = found.back() % width, y = found.back() / width;
    found.pop_back();
    for (int v = std::max(y - 1, 0); v <= std::min(y + 1, height - 1); ++v)
      for (int u = std::max(x - 1, 0); u <= std::min(x + 1, width - 1); ++u) {
        const auto i = static_cast<size_t>(v * width + u);
        if (!weak[i] || edges[i]) continue;
        edges[i] = 255;
        found.push_back(v * width + u);
      }
  }
  return edges;
}

Image smooth_edges(const Image& image) {
  const std::vector<uint8_t> edges = canny_edges(image);
  const int width = image.width, height = image.height;
  std::vector<bool> near(edges.size(), false);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      if (!edges[static_cast<size_t>(y) * width + x]) continue;
      for (int v = std::max(y - kReach, 0); v <= std::min(y + kReach, height - 1); ++v)
        for (int u = std::max(x - kReach, 0); u <= std::min(x + kReach, width - 1); ++u)
          near[static_cast<size_t>(v) * width + u] = true;
    }
  Image out = image;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      if (!near[static_cast<size_t>(y) * width + x]) continue;
      for (int c = 0; c < 3; ++c) {
        int sum = 0;
        for (int v = -kReach; v <= kReach; ++v)
          for (int u = -kReach; u <= kReach; ++u) {
            const int at_x = std::clamp(x + u, 0, width - 1),
                      at_y = std::clamp(y + v, 0, height - 1);
            sum += kBinomial[u + kReach] * kBinomial[v + kReach] *
                   image.rgb[(static_cast<size_t>(at_y) * width + at_x) * 3 + c];
          }
        out.rgb[(static_cast<size_t>(y) * width + x) * 3 + c] =
            static_cast<uint8_t>((sum + 128) / 256);
      }
    }
  return out;
}

}  // namespace gsx
