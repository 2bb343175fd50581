"""Caffe's files as Protocol Buffers' own library reads them, from as much of caffe.proto as a network's weights need.

What is not named here is passed over. https://github.com/BVLC/caffe/blob/master/src/caffe/proto/caffe.proto
"""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

from fsim.boundary.errors import UserError

# Message -> name, number and type of each field; "*" before those that occur any number of times. Text is bytes, since
# files have names that are none, and enumerations are numbers.
MESSAGES = {
  "NetParameter": (("*layers", 2, "V1LayerParameter"), ("*layer", 100, "LayerParameter")),
  "LayerParameter": (("name", 1, "bytes"), ("type", 2, "bytes"), ("*blobs", 7, "BlobProto")),
  "V1LayerParameter": (("name", 4, "bytes"), ("type", 5, "int32"), ("*blobs", 6, "BlobProto")),
  "BlobProto": (
    ("num", 1, "int32"),
    ("channels", 2, "int32"),
    ("height", 3, "int32"),
    ("width", 4, "int32"),
    ("*data", 5, "float"),
    ("shape", 7, "BlobShape"),
    ("*double_data", 8, "double"),
  ),
  "BlobShape": (("*dim", 1, "int64"),),
}
PACKAGE = "fsim.caffe"
Field = descriptor_pb2.FieldDescriptorProto


class Malformed(UserError):
  """Bytes that are no message of this kind."""


def parse(kind: str, data: bytes) -> Message:
  """A message of MESSAGES. Raises Malformed for bytes that are none."""
  message = message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{PACKAGE}.{kind}"))()
  try:
    message.ParseFromString(data)
  except DecodeError as error:
    raise Malformed("damaged, or no file of Caffe") from error
  return message


def _described() -> descriptor_pb2.FileDescriptorProto:
  file = descriptor_pb2.FileDescriptorProto(name="fsim/caffe.proto", package=PACKAGE, syntax="proto2")
  for kind, fields in MESSAGES.items():
    message = file.message_type.add(name=kind)
    for name, number, type_ in fields:
      label = Field.LABEL_REPEATED if name.startswith("*") else Field.LABEL_OPTIONAL
      field = message.field.add(name=name.lstrip("*"), number=number, label=label)
      if type_ in MESSAGES:
        field.type, field.type_name = Field.TYPE_MESSAGE, f".{PACKAGE}.{type_}"
      else:
        field.type = Field.Type.Value(f"TYPE_{type_.upper()}")
  return file


_POOL = descriptor_pool.DescriptorPool()
_POOL.AddSerializedFile(_described().SerializeToString())
