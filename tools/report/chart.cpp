// Draws charts; see chart.h.
#include "tools/report/chart.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "tools/report/html.h"

namespace gsx::tools {

namespace {

constexpr double kWidth = 380, kHeight = 210;
constexpr double kLeft = 48, kRight = 12, kTop = 26, kBottom = 34;
constexpr double kLegendRow = 16;

struct Axis {
  double lo = 0, hi = 1;
  bool log = false;
  double from = 0, to = 1;  // where they lie on the page

  double at(double value) const {
    const double share = log ? std::log(value / lo) / std::log(hi / lo) : (value - lo) / (hi - lo);
    return from + share * (to - from);
  }
  std::vector<double> ticks() const;
};

std::vector<double> Axis::ticks() const {
  std::vector<double> at;
  if (log) {
    const int decades = static_cast<int>(std::ceil(std::log10(hi / lo)));
    for (double power = std::pow(10, std::floor(std::log10(lo))); power <= hi; power *= 10)
      for (const double step : {1.0, 2.0, 5.0}) {
        const double tick = step * power;
        if (decades > 2 && step != 1) continue;
        if (tick >= lo * 0.999 && tick <= hi * 1.001) at.push_back(tick);
      }
    return at;
  }
  constexpr int kTicks = 5;
  const double rough = (hi - lo) / kTicks, power = std::pow(10, std::floor(std::log10(rough)));
  double step = power;
  for (const double times : {1.0, 2.0, 5.0, 10.0})
    if (power * times <= rough * 1.5) step = power * times;
  for (double tick = std::ceil(lo / step - 1e-6) * step; tick <= hi + step * 1e-6; tick += step)
    at.push_back(std::fabs(tick) < step * 1e-6 ? 0 : tick);
  return at;
}

Axis axis_of(double lo, double hi, double log_beyond, double from, double to) {
  Axis axis{lo, hi, lo > 0 && hi / lo > log_beyond, from, to};
  if (axis.log) {
    const double room = std::pow(hi / lo, 0.04);
    axis.lo /= room;
    axis.hi *= room;
    return axis;
  }
  double room = 0.04 * (hi - lo);
  if (room == 0) room = hi == 0 ? 1 : 0.1 * std::fabs(hi);
  axis.lo = lo >= 0 && lo < 0.3 * hi ? 0 : lo - room;
  axis.hi = hi + room;
  return axis;
}

class Drawing {
 public:
  explicit Drawing(double height) {
    out_.precision(6);
    out_ << "<svg class=\"chart\" viewBox=\"0 0 " << kWidth << ' ' << height << "\" role=\"img\">";
  }
  Drawing& text(double x, double y, const char* anchor, const std::string& words,
                const char* kind = "") {
    out_ << "<text x=\"" << x << "\" y=\"" << y << "\" text-anchor=\"" << anchor << '"';
    if (*kind) out_ << " class=\"" << kind << '"';
    out_ << '>' << html(words) << "</text>";
    return *this;
  }
  Drawing& rule(double x, double y, double to_x, double to_y) {
    out_ << "<path class=\"rule\" d=\"M" << x << ' ' << y << 'L' << to_x << ' ' << to_y << "\"/>";
    return *this;
  }
  std::ostringstream& out() { return out_; }
  std::string done() {
    out_ << "</svg>";
    return out_.str();
  }

 private:
  std::ostringstream out_;
};

void draw_frame(Drawing& d, const ChartText& text, const Axis& x, const Axis& y) {
  d.text(kLeft, 14, "start", text.title, "title");
  for (const double tick : y.ticks()) {
    d.rule(kLeft, y.at(tick), kWidth - kRight, y.at(tick));
    d.text(kLeft - 5, y.at(tick) + 4, "end", short_number(tick));
  }
  for (const double tick : x.ticks())
    d.text(x.at(tick), kHeight - kBottom + 14, "middle", short_number(tick));
  d.rule(kLeft, kHeight - kBottom, kWidth - kRight, kHeight - kBottom);
  d.text(kWidth - kRight, kHeight - 4, "end", text.x);
  if (!text.y.empty()) d.text(kWidth - kRight, 14, "end", text.y);
}

std::string colour_class(int colour) { return "c" + std::to_string(colour % kChartColours); }

bool finite(const ChartPoint& p) { return std::isfinite(p.x) && std::isfinite(p.y); }

void draw_line(Drawing& d, const std::vector<ChartPoint>& piece, const Axis& x, const Axis& y) {
  std::ostringstream path;
  path.precision(5);
  bool pen_down = false;
  int drawn = 0;
  for (const ChartPoint& p : piece) {
    if (!finite(p)) {
      pen_down = false;
      continue;
    }
    path << (pen_down ? 'L' : 'M') << x.at(p.x) << ' ' << y.at(p.y);
    pen_down = true;
    ++drawn;
  }
  if (drawn > 0) d.out() << "<path class=\"line\" d=\"" << path.str() << "\"/>";
}

void draw_points(Drawing& d, const std::vector<ChartPoint>& piece, const Axis& x, const Axis& y) {
  for (const ChartPoint& p : piece) {
    if (!finite(p)) continue;
    if (p.spread > 0) {
      const double least = y.log ? y.lo : std::numeric_limits<double>::lowest();
      d.out() << "<path class=\"bar\" d=\"M" << x.at(p.x) << ' '
              << y.at(std::max(least, p.y - p.spread)) << 'V' << y.at(p.y + p.spread) << "\"/>";
    }
    d.out() << "<circle class=\"dot\" r=\"4\" cx=\"" << x.at(p.x) << "\" cy=\"" << y.at(p.y)
            << "\"><title>" << html(p.name) << "</title></circle>";
  }
}

struct Bounds {
  double lo = std::numeric_limits<double>::infinity(), hi = -lo;
  void add(double v) {
    lo = std::min(lo, v);
    hi = std::max(hi, v);
  }
};

void draw_legend(Drawing& d, const std::vector<ChartSeries>& series) {
  constexpr int kColumns = 3;
  for (size_t i = 0; i < series.size(); ++i) {
    const double x = kLeft + double(i % kColumns) * (kWidth - kLeft - kRight) / kColumns;
    const double y = kHeight + kLegendRow * double(i / kColumns) + 10;
    d.out() << "<g class=\"" << colour_class(series[i].colour) << "\"><circle class=\"dot\" r=\"4\""
            << " cx=\"" << x + 4 << "\" cy=\"" << y - 4 << "\"/></g>";
    d.text(x + 12, y, "start", series[i].name);
  }
}

}  // namespace

std::string chart(const ChartText& text, const std::vector<ChartSeries>& series, ChartMarks marks,
                  bool legend) {
  constexpr double kLogBeyondY = 30, kLogBeyondX = 5;
  Bounds xs, ys;
  for (const ChartSeries& s : series)
    for (const auto& piece : s.pieces)
      for (const ChartPoint& p : piece) {
        if (!finite(p)) continue;
        xs.add(p.x);
        ys.add(p.y + p.spread);
        ys.add(marks == ChartMarks::lines || p.y > p.spread ? p.y - p.spread : p.y);
      }
  const double rows = legend ? std::ceil(double(series.size()) / 3) : 0;
  Drawing d(kHeight + kLegendRow * rows + (legend ? 4 : 0));
  if (xs.lo > xs.hi) {
    d.text(kLeft, 14, "start", text.title, "title");
    return d.text(kWidth / 2, kHeight / 2, "middle", "no values").done();
  }
  const bool lines = marks == ChartMarks::lines;
  Axis x = axis_of(xs.lo, xs.hi, lines ? std::numeric_limits<double>::infinity() : kLogBeyondX,
                   kLeft, kWidth - kRight);
  if (lines && xs.hi > xs.lo) x.lo = std::min(xs.lo, 0.0), x.hi = xs.hi;
  const Axis y = axis_of(ys.lo, ys.hi, kLogBeyondY, kHeight - kBottom, kTop);
  draw_frame(d, text, x, y);
  for (const ChartSeries& s : series) {
    d.out() << "<g class=\"" << colour_class(s.colour) << "\"><title>" << html(s.name)
            << "</title>";
    for (const auto& piece : s.pieces) {
      if (marks != ChartMarks::points) draw_line(d, piece, x, y);
      if (!lines) draw_points(d, piece, x, y);
    }
    d.out() << "</g>";
  }
  if (legend) draw_legend(d, series);
  return d.done();
}

std::string time_histogram(const ChartText& text, const TimeHistogram& h) {
  Drawing d(kHeight);
  d.text(kLeft, 14, "start", text.title, "title");
  if (h.shares.empty()) return d.text(kWidth / 2, kHeight / 2, "middle", "no values").done();
  const int columns = static_cast<int>(h.shares.size());
  const int bins = static_cast<int>(h.shares[0].size());
  // Small shares are shown, too: how opaque a share is grows as its root.
  Image colour(columns, bins), alpha(columns, bins);
  constexpr Rgb kColour = {50, 140, 215};  // readable on white and on black
  for (int t = 0; t < columns; ++t)
    for (int bin = 0; bin < bins; ++bin) {
      const double share = std::clamp(h.shares[t][bin], 0.0, 1.0);
      const auto opaque = static_cast<uint8_t>(std::lround(255 * std::sqrt(share)));
      std::copy(kColour.begin(), kColour.end(), colour.pixel(t, bins - 1 - bin));
      std::fill_n(alpha.pixel(t, bins - 1 - bin), 3, opaque);
    }
  Axis x{h.first, std::max(h.last, h.first + 1), false, kLeft, kWidth - kRight};
  Axis y{0, static_cast<double>(bins), false, kHeight - kBottom, kTop};
  for (const auto& [bin, words] : h.marks) {
    d.rule(kLeft, y.at(bin), kWidth - kRight, y.at(bin));
    d.text(kLeft - 5, y.at(bin) + 4, "end", words);
  }
  d.out() << "<image x=\"" << kLeft << "\" y=\"" << kTop << "\" width=\"" << kWidth - kLeft - kRight
          << "\" height=\"" << kHeight - kTop - kBottom << "\" preserveAspectRatio=\"none\" href=\""
          << data_uri(colour, alpha) << "\"/>";
  for (const double tick : x.ticks())
    d.text(x.at(tick), kHeight - kBottom + 14, "middle", short_number(tick));
  d.rule(kLeft, kHeight - kBottom, kWidth - kRight, kHeight - kBottom);
  d.text(kWidth - kRight, kHeight - 4, "end", text.x);
  if (!text.y.empty()) d.text(kWidth - kRight, 14, "end", text.y);
  return d.done();
}

std::string svg_file(const std::string& svg) {
  const std::string open = "<svg ";
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + open +
         "xmlns=\"http://www.w3.org/2000/svg\" " +
         svg.substr(open.size(), svg.find('>') + 1 - open.size()) + "<style>" + chart_css() +
         "svg { background: var(--paper); }</style>" + svg.substr(svg.find('>') + 1) + "\n";
}

}  // namespace gsx::tools
