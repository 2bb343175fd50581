"""The network of a small caffemodel, computed with NumPy as Caffe computes it."""

import contextlib

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from fsim.boundary.errors import UserError
from fsim.models import caffe, saved, wire
from fsim.models.extractors import PATCH_SCALE, PatchNet
from tests import caffemodels
from tests.caffemodels import blob, caffemodel, field, varint
from tests.networks import applied

FORMS = ["new", "v1"]


@pytest.fixture(scope="module")
def weights():
  return caffemodels.weights()


@pytest.fixture(scope="module")
def mean():
  return caffemodels.mean()


def reference(weights, mean, bgr):
  """Caffe's forward pass of one image of 3 x 64 x 64 in blue, green, red: (feature, logits)."""
  x = (bgr.astype(np.float64) - mean) * PATCH_SCALE
  for k, (kernel, bias) in enumerate(weights[:4]):
    windows = sliding_window_view(x, kernel.shape[2:], axis=(1, 2))
    x = np.einsum("ihwrc,oirc->ohw", windows, kernel) + bias[:, None, None]
    if k < 3:
      side = -(-(x.shape[1] - 2) // 2) + 1  # Caffe: ceil((side - kernel) / stride) + 1.
      pooled = np.empty((len(x), side, side))
      for r in range(side):
        for c in range(side):
          pooled[:, r, c] = x[:, 2 * r : 2 * r + 2, 2 * c : 2 * c + 2].max((1, 2))  # Cut off at the border.
      x = pooled
  feature = np.maximum(weights[4][0] @ x.ravel() + weights[4][1], 0)
  return feature, weights[5][0] @ feature + weights[5][1]


@pytest.mark.parametrize("form", FORMS)
def test_the_imported_network_computes_what_caffe_computes(weights, mean, form, tmp_path):
  (tmp_path / "best.caffemodel").write_bytes(caffemodel(weights, form))
  (tmp_path / "mean.binaryproto").write_bytes(blob(mean, form))
  made = caffe.load(tmp_path / "best.caffemodel", tmp_path / "mean.binaryproto")
  saved.save(tmp_path / "network.npz", made)
  rgb = np.random.default_rng(2).integers(0, 256, (2, 64, 64, 3)).astype(np.uint8)
  variables = saved.load(tmp_path / "network.npz", PatchNet(classes=7), jnp.asarray(rgb))
  features, logits = applied(PatchNet(classes=7), variables, rgb)
  for image, feature, values in zip(rgb, features, logits, strict=True):
    expected = reference(weights, mean, image.transpose(2, 0, 1)[::-1])
    np.testing.assert_allclose(feature, expected[0], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(values, expected[1], rtol=1e-3, atol=1e-4)
  assert np.abs(features).max() > 0.01


def test_both_forms_and_both_precisions_hold_the_same_weights(weights):
  made = [caffe.layers(caffemodel(weights, *kind)) for kind in (("new",), ("v1",), ("new", True))]
  for other in made[1:]:
    for one, two in zip(made[0], other, strict=True):
      assert one.type == two.type
      for a, b in zip(one.blobs, two.blobs, strict=True):
        np.testing.assert_array_equal(a.ravel(), b.ravel())


@pytest.mark.parametrize(
  ("change", "message"),
  [
    (lambda w: w[:5], "this file has Convolution, Convolution, Convolution, Convolution, InnerProduct$"),
    (lambda w: [], "no weights"),
    (lambda w: [(w[0][0][:16], w[0][1][:16]), *w[1:]], "of Conv_0 has the shape"),
  ],
)
def test_another_network_is_refused(weights, mean, change, message):
  with pytest.raises(caffe.NotThisNet, match=message):
    caffe.variables(caffe.layers(caffemodel(change(weights), "new")), mean)


def test_a_mean_of_another_size_is_refused(weights):
  with pytest.raises(caffe.NotThisNet, match="the mean image is 3 x 64 x 64, got 3 x 32 x 32"):
    caffe.variables(caffe.layers(caffemodel(weights, "new")), np.zeros((3, 32, 32), np.float32))


def test_a_file_that_is_none_is_named(weights, mean, tmp_path):
  (tmp_path / "mean").write_bytes(blob(mean, "new"))
  (tmp_path / "whole").write_bytes(caffemodel(weights, "new"))
  (tmp_path / "cut").write_bytes(caffemodel(weights, "new")[:100_000])
  (tmp_path / "text").write_text("layer { name: 'conv1' }")
  for model, meant, blamed in (("cut", "mean", "cut"), ("text", "mean", "text"), ("whole", "text", "text")):
    with pytest.raises(UserError, match=f"^{tmp_path / blamed}: "):
      caffe.load(tmp_path / model, tmp_path / meant)
  with pytest.raises(UserError, match="No such file"):
    caffe.load(tmp_path / "absent", tmp_path / "mean")


def shaped(*sides, values=b""):
  return field(7, field(1, b"".join(map(varint, sides)))) + field(5, values)


@pytest.mark.parametrize(
  "data",
  [
    shaped(2**32, 2**32),  # Whose product is 0 in 64 bits.
    shaped(0, 2**69),
    shaped(*[1] * 100, values=bytes(4)),
    shaped(1, values=np.float32(np.nan).tobytes()),
    field(7, field(1, varint(1))) + field(8, np.float64(1e300).tobytes()),  # No float32.
    field(7, b"\x0d" + bytes(4)) + field(5, bytes(4)),  # A size that is no integer.
    b"",
  ],
)
def test_blobs_that_cannot_be_are_refused(data):
  with pytest.raises(wire.Malformed):
    caffe.blob(data)


def test_weights_of_another_number_of_axes_are_refused(weights, mean):
  for place, kernel in ((0, weights[0][0].reshape(32, -1)), (4, weights[4][0].reshape(2, 64, 128))):
    changed = [*weights[:place], (kernel, weights[place][1]), *weights[place + 1 :]]
    net = [caffe.Layer("any", "Convolution" if k < 4 else "InnerProduct", [*own]) for k, own in enumerate(changed)]
    with pytest.raises(caffe.NotThisNet, match="layer any has weights of shape"):
      caffe.variables(net, mean)


def test_a_name_that_is_no_text_does_no_harm(weights):
  data = caffemodel(weights, "new").replace(b"layer0", b"lay\xff\xfe0")
  assert caffe.layers(data)[0].name == "lay\ufffd\ufffd0"


@given(st.binary(max_size=40), st.integers(0, 400), st.integers(0, 40))
def test_damaged_models_are_read_or_refused(weights, junk, place, dropped):
  whole = caffemodel([(w[:1, :1], b[:1]) for w, b in weights], "new")
  data = whole[:place] + junk + whole[place + dropped :]
  with contextlib.suppress(wire.Malformed):
    caffe.layers(data)


@pytest.mark.parametrize("crowd", [b"\x12\x00", field(100, b"\x3a\x00" * 1_000_000)])
def test_files_of_too_many_layers_or_bytes_are_refused(crowd, tmp_path):
  (tmp_path / "many").write_bytes(crowd * (caffe.LIMIT // len(crowd)))
  with pytest.raises(UserError, match=r"many: more than 1,000 (layers|blobs of a layer)$"):
    caffe.read(tmp_path / "many", caffe.layers)
  (tmp_path / "more").write_bytes(bytes(caffe.LIMIT + 1))
  with pytest.raises(UserError, match="larger than 4 MB"):
    caffe.read(tmp_path / "more", caffe.layers)


@given(st.lists(st.integers(0, 2**63 - 1), max_size=20), st.booleans())
def test_integers_are_read_packed_or_one_by_one(values, packed):
  data = field(1, b"".join(map(varint, values))) if packed else b"".join(field(1, v) for v in values)
  assert list(wire.parse("BlobShape", data).dim) == values


@given(st.sampled_from(list(wire.MESSAGES)), st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(kind, data):
  with contextlib.suppress(wire.Malformed):
    wire.parse(kind, data)


@pytest.mark.parametrize("more", [field(9, 1), field(12, b"any"), field(6, np.zeros(3, "<f4").tobytes()), b"\x63\x64"])
def test_fields_that_weights_do_not_need_are_passed_over(more):
  array = np.arange(6, dtype=np.float32).reshape(2, 3)
  np.testing.assert_array_equal(caffe.blob(more + blob(array, "new") + more), array)


def test_a_blob_that_lies_about_its_shape_is_refused():
  lying = field(7, field(1, varint(5))) + field(5, np.zeros(4, "<f4").tobytes())
  with pytest.raises(wire.Malformed, match=r"a blob of shape \[5\] holds 4 values"):
    caffe.blob(lying)
