/* A model file and an image in binary PPM, through the C interface: ./translate MODEL IN.ppm OUT.ppm */
#include <gsx.h>
#include <stdio.h>
#include <stdlib.h>

static int failed(const char* what) {
  fprintf(stderr, "%s\n", what);
  return 1;
}

int main(int argc, char** argv) {
  if (argc != 4) return failed("usage: translate MODEL IN.ppm OUT.ppm");

  gsx_model* model = gsx_open(argv[1], NULL);
  if (model == NULL) return failed(gsx_error());
  printf("%s\n", gsx_describe(model));

  FILE* in = fopen(argv[2], "rb");
  int width = 0, height = 0;
  if (in == NULL || fscanf(in, "P6 %d %d 255", &width, &height) != 2 || fgetc(in) == EOF)
    return failed("the image cannot be read");
  int32_t out_width, out_height;
  if (gsx_output_size(model, width, height, &out_width, &out_height) != GSX_OK)
    return failed(gsx_error());

  const size_t bytes = (size_t)3 * width * height;
  const size_t out_bytes = (size_t)3 * out_width * out_height;
  uint8_t* image = malloc(bytes);
  uint8_t* result = malloc(out_bytes);
  if (image == NULL || result == NULL || fread(image, 1, bytes, in) != bytes)
    return failed("the image is cut short");
  fclose(in);
  if (gsx_run_u8(model, image, width, height, 0, result, 0) != GSX_OK) return failed(gsx_error());

  FILE* out = fopen(argv[3], "wb");
  if (out == NULL || fprintf(out, "P6 %d %d 255\n", out_width, out_height) < 0 ||
      fwrite(result, 1, out_bytes, out) != out_bytes || fclose(out) != 0)
    return failed("the result cannot be written");
  free(result);
  free(image);
  gsx_close(model);
  return 0;
}
