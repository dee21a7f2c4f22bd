"""The system call filter: a classic BPF program, assembled here as plain bytes.

The filter takes away what a program under test has no use for and what kernel exploits are made of; namespaces, not the
filter, are what hides files and the network. Calls numbered above the ones known here answer "not implemented", which
every C library knows how to live with. The program is a binary decision tree over the call number, so a common call
costs about seven comparisons; kernels since 5.11 remember "always allowed" per number and skip the program altogether.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Call -> its number on x86_64 and on aarch64 (None where the architecture never had it).
REFUSED: Mapping[str, tuple[int | None, int | None]] = {
    # other processes' memory, and tracing
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    # the file system tree and new namespaces
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    # large, young or rarely needed parts of the kernel
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "modify_ldt": (154, None),
    "lookup_dcookie": (212, 18),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    "uselib": (134, None),
    "ustat": (136, None),
    "sysfs": (139, None),
    "_sysctl": (156, None),
    "nfsservctl": (180, 42),
    # the machine itself
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "iopl": (172, None),
    "ioperm": (173, None),
    "create_module": (174, None),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "get_kernel_syms": (177, None),
    "query_module": (178, None),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "acct": (163, 89),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "vhangup": (153, 58),
    "syslog": (103, 116),
}

# Answered "not implemented", so that callers use their older way. clone3 hides its flags behind a pointer a filter
# cannot follow; memory files and io_uring's buffers belong to no process and no mount, so no limit would count them.
ABSENT: Mapping[str, tuple[int, int]] = {
    "clone3": (435, 435),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
}

# Allowed or not by their arguments.
CLONE, IOCTL, SOCKET, SHMGET, PERSONALITY = (56, 220), (16, 29), (41, 198), (29, 194), (135, 92)

_HIGHEST_KNOWN = 456  # futex_requeue; the numbers are common to both architectures from 424 on

_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C  # type into, or paste into, the terminal
_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK = 1, 2, 10, 16
_NETLINK_ROUTE = 0
_PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0x40000, 0xFFFFFFFF)
_SMALL_SEGMENT = 64 << 10  # what PostgreSQL asks for; 4,096 of them, the kernel's own bound, are 256 MiB

_KILL_PROCESS, _ALLOW, _ERRNO = 0x80000000, 0x7FFF0000, 0x00050000
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_GREATER, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x25, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, constant
Block = tuple[Instruction, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """From call number ``start`` up to the next range's start, ``block`` decides."""

    start: int
    block: Block


def supported(machine: str) -> bool:
    """Whether there is a system call table for this `os.uname().machine`."""
    return machine in _ARCHITECTURES


def program(machine: str) -> bytes:
    """The filter for a machine, as an array of ``struct sock_filter`` (8 bytes each).

    Raises KeyError for a machine that is not `supported`. Another architecture's calls (32-bit code on a 64-bit
    kernel) kill the process: their numbers mean something else.
    """
    column, audit_architecture = _ARCHITECTURES[machine]
    instructions = (
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_JUMP_EQUAL, 1, 0, audit_architecture),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER_AT),
        *_tree(_ranges(column)),
    )
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)


def _ranges(column: int) -> list[Range]:
    allow = _answer(_ALLOW)
    special: dict[int, Block] = {}
    for refused in REFUSED.values():
        number = refused[column]
        if number is not None:
            special[number] = _answer(_ERRNO | errno.EPERM)
    for absent in ABSENT.values():
        special[absent[column]] = _answer(_ERRNO | errno.ENOSYS)
    special[CLONE[column]] = (_low_word(0), (_JUMP_ANY_BIT, 0, 1, _NEW_NAMESPACES), _refuse(errno.EPERM), *allow)
    special[IOCTL[column]] = (_low_word(1), *_refuse_if_equal((_TIOCSTI, _TIOCLINUX), errno.EPERM))
    special[PERSONALITY[column]] = (_low_word(0), *_allow_if_equal(_PERSONALITIES), _refuse(errno.EPERM))
    special[SOCKET[column]] = (
        _low_word(0),
        *_allow_if_equal((_AF_UNIX, _AF_INET, _AF_INET6)),
        (_JUMP_EQUAL, 0, 3, _AF_NETLINK),  # getaddrinfo and getifaddrs ask the routing table
        _low_word(2),
        (_JUMP_EQUAL, 0, 1, _NETLINK_ROUTE),
        *allow,
        _refuse(errno.EAFNOSUPPORT),
    )
    special[SHMGET[column]] = (
        _high_word(1),
        (_JUMP_EQUAL, 0, 2, 0),
        _low_word(1),
        (_JUMP_GREATER, 0, 1, _SMALL_SEGMENT),
        _refuse(errno.ENOMEM),
        *allow,
    )
    ranges: list[Range] = []
    for number in range(_HIGHEST_KNOWN + 1):
        block = special.get(number, allow)
        if not ranges or ranges[-1].block != block:
            ranges.append(Range(number, block))
    ranges.append(Range(_HIGHEST_KNOWN + 1, _answer(_ERRNO | errno.ENOSYS)))
    return ranges


def _tree(ranges: Sequence[Range]) -> Block:
    if len(ranges) == 1:
        return ranges[0].block
    middle = len(ranges) // 2
    below, above = _tree(ranges[:middle]), _tree(ranges[middle:])
    assert len(below) < 256, "a conditional jump reaches 255 instructions"
    return ((_JUMP_AT_LEAST, len(below), 0, ranges[middle].start), *below, *above)


def _answer(action: int) -> Block:
    return ((_RETURN, 0, 0, action),)


def _refuse(error: int) -> Instruction:
    return (_RETURN, 0, 0, _ERRNO | error)


def _allow_if_equal(values: Sequence[int]) -> Block:
    return tuple(part for value in values for part in ((_JUMP_EQUAL, 0, 1, value), *_answer(_ALLOW)))


def _refuse_if_equal(values: Sequence[int], error: int) -> Block:
    checks = tuple(part for value in values for part in ((_JUMP_EQUAL, 0, 1, value), _refuse(error)))
    return (*checks, *_answer(_ALLOW))


def _low_word(argument: int) -> Instruction:
    return (_LOAD, 0, 0, 16 + 8 * argument)  # both architectures are little-endian


def _high_word(argument: int) -> Instruction:
    return (_LOAD, 0, 0, 20 + 8 * argument)
