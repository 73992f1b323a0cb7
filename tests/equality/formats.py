"""Files of arrays, written and read with the standard library alone.

An array is a tuple (shape, values); values are floats in row-major order.
"""

import array
import json
import math
import struct
import sys
import zipfile

KINDS = {"F32": ("f", "<f4"), "F64": ("d", "<f8"), "U32": ("I", "<u4"), "I64": ("q", "<i8")}


def packed(values, kind="F32"):
    """Little-endian bytes of the values."""
    if kind == "F16":
        return struct.pack(f"<{len(values)}e", *values)
    numbers = array.array(KINDS[kind][0], values)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def safetensors(tensors, kind="F32"):
    """Bytes of a .safetensors file of `{name: (shape, values)}`."""
    header, data = {}, b""
    for name, (shape, values) in tensors.items():
        content = packed(values, kind)
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def read_safetensors(content):
    """Header entries and the bytes of every tensor: `({name: entry}, {name: bytes})`."""
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    data = content[8 + length :]
    ranges = {name: entry["data_offsets"] for name, entry in header.items() if name != "__metadata__"}
    return header, {name: data[start:end] for name, (start, end) in ranges.items()}


def npy(shape, values, kind="F32", descr=None):
    """Bytes of a .npy file; `descr` names an element type of which `values` are bytes already."""
    content = values if descr else packed(values, kind)
    size = ", ".join(str(length) for length in shape) + ("," if len(shape) == 1 else "")
    header = f"{{'descr': '{descr or KINDS[kind][1]}', 'fortran_order': False, 'shape': ({size}), }}"
    header = header.ljust(-(-(len(header) + 11) // 64) * 64 - 11) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + content


def write_archive(path, entries):
    """A zip archive of stored entries without dates."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in entries:
            archive.writestr(zipfile.ZipInfo(name), content)


def write_npz(path, tensors, kind="F32"):
    """A .npz file of `{name: (shape, values)}`."""
    write_archive(path, [(f"{name}.npy", npy(shape, values, kind)) for name, (shape, values) in tensors.items()])


def write_torch(path, tensors):
    """A state dict as `torch.save` writes it: a pickle that describes tensors, and their bytes."""
    entries = [("model/data.pkl", torch_pickle(tensors)), ("model/byteorder", b"little")]
    entries += [(f"model/data/{index}", packed(values)) for index, (_, values) in enumerate(tensors.values())]
    write_archive(path, entries)


def torch_pickle(tensors):
    """The pickle of an OrderedDict from names to 32-bit tensors, one storage each."""

    def text(word):
        return b"X" + struct.pack("<I", len(word.encode())) + word.encode()

    def integer(number):
        return b"J" + struct.pack("<i", number)

    def integers(numbers):
        return b"(" + b"".join(map(integer, numbers)) + b"t"

    ordered_dict = b"ccollections\nOrderedDict\n)R"
    pickle = b"\x80\x02" + ordered_dict + b"("
    for index, (name, (shape, values)) in enumerate(tensors.items()):
        storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(str(index)) + text("cpu")
        storage += integer(len(values)) + b"tQ"
        strides = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
        tensor = storage + integer(0) + integers(shape) + integers(strides) + b"\x89" + ordered_dict
        pickle += text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n(" + tensor + b"tR"
    return pickle + b"u."
