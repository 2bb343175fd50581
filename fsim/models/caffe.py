"""Weights of the patch network from Caffe: the network published with Bondi et al. 2017, which is not ours to ship.

`load` gives variables of fsim.models.extractors.PatchNet; `fsim caffe` makes a predictor of them. Caffe is not needed.
Shapes: o i channels out of and into a layer, h w rows and columns, n classes.
"""

import reprlib
from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from google.protobuf.message import Message
from jaxtyping import Float

from fsim.boundary import arrays
from fsim.boundary.errors import UserError
from fsim.boundary.inputs import Unreadable, read_bytes
from fsim.models import wire
from fsim.models.extractors import PATCH_SIDE, PatchNet

V1_CONVOLUTION, V1_INNER_PRODUCT = 4, 14  # Of the enumeration V1LayerParameter.LayerType.
TYPES = {V1_CONVOLUTION: "Convolution", V1_INNER_PRODUCT: "InnerProduct"}
BLOB_SIDES = ("num", "channels", "height", "width")
CONVOLUTIONS = ("Conv_0", "Conv_1", "Conv_2", "Conv_3")
DENSE = ("feature", "classes")

LIMIT = 1 << 22  # Bytes of a file: 340,642 parameters as doubles, each with a tag, are 3 MB.
MANY = 1_000  # More layers, or blobs of a layer, than any network here has; an empty one takes two bytes of a file.
Parsed = TypeVar("Parsed")


class Layer(NamedTuple):
  name: str
  type: str
  blobs: list[np.ndarray]


class NotThisNet(UserError):
  """A file that holds no weights of the patch network; the message says what differs."""


def blob(data: bytes) -> Float[np.ndarray, "..."]:
  """A BlobProto in either form: dimensions as `shape` or as num, channels, height, width; floats or doubles.

  Raises Malformed for what is none, and for shapes and values that cannot be.
  """
  return _array(wire.parse("BlobProto", data))


def layers(data: bytes) -> list[Layer]:
  """The layers of a NetParameter that have weights, of the present form and of the former one (V1).

  Raises Malformed as `blob`.
  """
  net = wire.parse("NetParameter", data)
  if len(net.layer) + len(net.layers) > MANY:
    raise wire.Malformed(f"more than {MANY:,} layers")
  kinds = [layer.type.decode(errors="replace") for layer in net.layer]
  kinds += [TYPES.get(layer.type, str(layer.type)) for layer in net.layers]
  return [
    Layer(layer.name.decode(errors="replace"), kind, _arrays(layer))
    for layer, kind in zip([*net.layer, *net.layers], kinds, strict=True)
    if layer.blobs
  ]


def _arrays(layer: Message) -> list[Float[np.ndarray, "..."]]:
  if len(layer.blobs) > MANY:
    raise wire.Malformed(f"more than {MANY:,} blobs of a layer")
  return [_array(one) for one in layer.blobs]


def _array(message: Message) -> Float[np.ndarray, "..."]:
  """Of a BlobProto."""
  values = np.array(message.data, np.float32) if message.data else np.array(message.double_data, np.float64)
  if message.HasField("shape"):
    shape = list(message.shape.dim)
  else:
    shape = [getattr(message, side) if message.HasField(side) else 1 for side in BLOB_SIDES]
  sides = 1 <= len(shape) <= len(BLOB_SIDES) and min(shape) > 0
  if not sides or len(values) != prod(shape) or not arrays.is_sane(values):
    raise wire.Malformed(f"a blob of shape {reprlib.repr(shape)} holds {len(values)} values, or senseless ones")
  return values.reshape(shape).astype(np.float32)


def variables(net: Sequence[Layer], mean: Float[np.ndarray, "..."]) -> dict[str, Any]:
  """PatchNet's variables from Caffe's layers and mean image, whose colours are blue, green, red.

  Caffe keeps kernels as (o, i, h, w), Flax as (h, w, i, o); dense weights as (o, i), Flax as (i, o). The map that the
  first dense layer flattens is 1x1, so its order does not matter. Raises NotThisNet if a shape is another.
  """
  kinds = [layer.type for layer in net]
  wanted = ["Convolution"] * len(CONVOLUTIONS) + ["InnerProduct"] * len(DENSE)
  if kinds != wanted:
    raise NotThisNet(f"the network needs {', '.join(wanted)}; this file has {', '.join(kinds) or 'no weights'}")
  params = {}
  for name, layer in zip(CONVOLUTIONS + DENSE, net, strict=True):
    if len(layer.blobs) != 2:
      raise NotThisNet(f"layer {layer.name} has {len(layer.blobs)} blobs, but weights and biases are needed")
    weights, bias = layer.blobs
    dense = layer.type == "InnerProduct"
    if weights.size != prod(weights.shape[-2:]) if dense else weights.ndim != 4:
      raise NotThisNet(f"layer {layer.name} has weights of shape {weights.shape}")
    kernel = weights.reshape(weights.shape[-2:]).T if dense else weights.transpose(2, 3, 1, 0)
    params[name] = {"kernel": kernel, "bias": bias.reshape(-1)}
  params["Conv_0"]["kernel"] = params["Conv_0"]["kernel"][:, :, ::-1]
  if mean.size != 3 * PATCH_SIDE * PATCH_SIDE:
    raise NotThisNet(f"the mean image is 3 x {PATCH_SIDE} x {PATCH_SIDE}, got {' x '.join(map(str, mean.shape))}")
  patch = mean.reshape(3, PATCH_SIDE, PATCH_SIDE).transpose(1, 2, 0)[:, :, ::-1]
  made = {"params": params, "batch_stats": {"mean": patch}}
  _require_shapes(made)
  return jax.tree.map(np.ascontiguousarray, made)


def _require_shapes(made: dict[str, Any]) -> None:
  classes = len(made["params"]["classes"]["bias"])
  net, patch = PatchNet(classes=classes), jnp.zeros((1, PATCH_SIDE, PATCH_SIDE, 3), jnp.uint8)
  wanted = jax.eval_shape(lambda: net.init(jax.random.key(0), patch))["params"]
  for name, layer in wanted.items():
    for part, array in layer.items():
      got = made["params"][name][part].shape
      if got != array.shape:
        raise NotThisNet(f"{part} of {name} has the shape {got}, but the patch network's is {array.shape}")


def load(model: Path, mean: Path) -> dict[str, Any]:
  """PatchNet's variables from a .caffemodel and the .binaryproto of its mean image.

  Raises Unreadable for the file that is none, or of another network.
  """
  net, patch = read(model, layers), read(mean, blob)
  try:
    return variables(net, patch)
  except NotThisNet as error:
    raise Unreadable(model, str(error)) from error


def read(path: Path, parse: Callable[[bytes], Parsed]) -> Parsed:
  """Raises Unreadable for what `parse` finds to be no such file."""
  try:
    return parse(read_bytes(path, LIMIT))
  except wire.Malformed as error:
    raise Unreadable(path, str(error)) from error
