"""The Python package against the library, on a small model of gsx 0.1.0."""

import pathlib
import tempfile
import threading
import unittest

import numpy as np

import gsx

MODEL = pathlib.Path(__file__).parents[1] / "fixtures/0.1.0/model.safetensors"
TINY = dict(
    method="gs8", size=16, width=6, blocks=1, batch=1, threads=1,
    dense_steps=2, slim_steps=2, finetune_steps=1,
)


def an_image(height, width):
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)


class Models(unittest.TestCase):
    def test_images_of_any_size_and_kind(self):
        model = gsx.load(MODEL)
        image = an_image(19, 33)
        result = model(image)
        self.assertEqual(result.shape, image.shape)
        self.assertEqual(result.dtype, np.uint8)
        # Rows that lie apart, as those of a part of a larger image do.
        larger = np.zeros((19, 50, 3), np.uint8)
        larger[:, 5:38] = image
        np.testing.assert_array_equal(model(larger[:, 5:38]), result)
        np.testing.assert_array_equal(gsx.load(MODEL.read_bytes(), threads=1)(image), result)
        try:
            from PIL import Image
        except ImportError:
            return
        drawn = model(Image.fromarray(image).convert("RGBA"))
        np.testing.assert_array_equal(np.asarray(drawn), result)

    def test_threads_share_a_model(self):
        model, image, results = gsx.load(MODEL), an_image(24, 24), [None] * 4

        def work(i):
            results[i] = model(image)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for result in results:
            np.testing.assert_array_equal(result, model(image))

    def test_raw_values(self):
        model = gsx.load(MODEL)
        x = np.random.default_rng(2).uniform(-1, 1, (2, 3, 16, 24))
        y = model.run(x)
        self.assertEqual(y.shape, x.shape)
        np.testing.assert_array_equal(model.run(x[1:])[0], y[1])
        # The same image by either way.
        image = an_image(16, 16)
        raw = model.run((image.transpose(2, 0, 1)[None] / 127.5) - 1)[0]
        drawn = np.clip(np.rint((raw.transpose(1, 2, 0) + 1) * 127.5), 0, 255)
        self.assertLessEqual(np.abs(drawn - model(image)).max(), 1)

    def test_what_is_refused(self):
        model = gsx.load(MODEL)
        for wrong in (an_image(4, 4)[..., :2], an_image(4, 4).astype(float), "cat.png"):
            with self.assertRaises(ValueError):
                model(wrong)
        for wrong in ((), (np.zeros((1, 3, 8)),), (np.zeros((1, 3, 8, 8)),) * 2):
            with self.assertRaises(ValueError):
                model.run(*wrong)
        with self.assertRaisesRegex(gsx.Error, "takes 3 channels"):
            model.run(np.zeros((1, 4, 16, 16)))
        with self.assertRaisesRegex(gsx.Error, "No such file"):
            gsx.load("nowhere.safetensors")
        with self.assertRaisesRegex(gsx.Error, "model in memory"):
            gsx.load(b"nothing")


class Compression(unittest.TestCase):
    def test_stops_and_resumes(self):
        with tempfile.TemporaryDirectory() as folder:
            run, seen = pathlib.Path(folder) / "run", []

            def progress(p):
                seen.append(p)
                return p.total_step < 3

            with self.assertRaises(gsx.Stopped):
                gsx.compress(None, None, run, ratio=3.2, progress=progress, **TINY)
            self.assertEqual(max(p.total_step for p in seen), 3)
            self.assertTrue(any(p.message for p in seen))
            result = gsx.compress(None, None, run, resume=True, threads=1)
            self.assertGreater(result["r_c"], 1)
            self.assertEqual(gsx.load(result["model"])(an_image(16, 16)).shape, (16, 16, 3))

    def test_what_progress_raises_comes_out(self):
        def progress(p):
            raise KeyboardInterrupt

        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaises(KeyboardInterrupt):
                gsx.compress(None, None, folder + "/run", progress=progress, **TINY)

    def test_what_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            run = pathlib.Path(folder) / "run"
            with self.assertRaisesRegex(ValueError, "did you mean seed"):
                gsx.compress(None, None, run, sead=1)
            with self.assertRaisesRegex(ValueError, "no effect"):
                gsx.compress(None, None, run, method="dense", ratio=3)
            self.assertFalse(run.exists())


if __name__ == "__main__":
    unittest.main()
