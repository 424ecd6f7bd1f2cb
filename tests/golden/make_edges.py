#!/usr/bin/env python3
"""Edges by OpenCV's Canny and their smoothing as CartoonGAN's data are made (dilate by 5 x 5, blur
there by OpenCV's Gaussian of 5), for tests/gs/cartoongan_test.cpp. Prints rows of grey levels of the
smoothed image, where an edge is with a star.

    pip install opencv-python-headless; make_edges.py > edges.txt
"""
import cv2
import numpy as np

H, W = 24, 33
y, x = np.mgrid[0:H, 0:W]
# As the test makes it: a disc, a ramp and a fading bar, in whole numbers.
image = 40 + 3 * x
image = np.where((x - 12) ** 2 + (y - 11) ** 2 < 50, 230 - 4 * y, image)
image = np.where((x >= 24) & (x < 27), np.maximum(250 - 7 * y, 0), image)
image = image.astype(np.uint8)
edges = cv2.Canny(image, 100, 200)
wide = cv2.dilate(edges, np.ones((5, 5), np.uint8))
kernel = cv2.getGaussianKernel(5, 0)
padded = np.pad(image.astype(np.float64), 2, mode="edge")
blurred = cv2.filter2D(padded, -1, kernel @ kernel.T)[2:-2, 2:-2]
smooth = np.where(wide > 0, np.floor(blurred + 0.5), image).astype(int)
for row in range(H):
    print(" ".join(f"{smooth[row, c]}{'*' if edges[row, c] else ''}" for c in range(W)))
