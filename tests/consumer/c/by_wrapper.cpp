// What docs/examples/translate.c does, by the wrapper for C++.
#include <fstream>
#include <gsx.hpp>
#include <iostream>

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  try {
    const gsxc::Model model(argv[1]);
    std::ifstream in(argv[2], std::ios::binary);
    std::string kind;
    int most = 0;
    gsxc::Image image;
    in >> kind >> image.width >> image.height >> most;
    in.get();
    image.rgb.resize(std::size_t{3} * image.width * image.height);
    in.read(reinterpret_cast<char*>(image.rgb.data()), static_cast<long>(image.rgb.size()));
    const gsxc::Image result = model(image);
    std::ofstream out(argv[3], std::ios::binary);
    out << "P6 " << result.width << ' ' << result.height << " 255\n";
    out.write(reinterpret_cast<const char*>(result.rgb.data()),
              static_cast<long>(result.rgb.size()));
    return out ? 0 : 1;
  } catch (const gsxc::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
