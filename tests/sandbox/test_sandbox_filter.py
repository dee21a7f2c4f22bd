"""The system call filter, executed by a small interpreter of classic BPF: every branch, on both architectures."""

from __future__ import annotations

import errno
import os
import platform
import re
import struct
from pathlib import Path

import pytest

from quantatissu.sandbox import seccomp

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
COLUMN = {"x86_64": 0, "aarch64": 1}


def decide(machine: str, number: int, *arguments: int, architecture: int | None = None) -> tuple[int, int]:
    """The filter's answer for a call and how many instructions it took."""
    audit = ARCHITECTURES[machine] if architecture is None else architecture
    data = struct.pack("<IIQ6Q", number & 0xFFFFFFFF, audit, 0, *(arguments + (0,) * 6)[:6])
    program = list(struct.iter_unpack("<HBBI", seccomp.program(machine)))
    position = steps = accumulator = 0
    while True:
        code, if_true, if_false, constant = program[position]
        steps += 1
        position += 1
        if code == 0x06:
            return constant, steps
        if code == 0x20:
            accumulator = struct.unpack_from("<I", data, constant)[0]
            continue
        truth = {
            0x15: accumulator == constant,
            0x35: accumulator >= constant,
            0x25: accumulator > constant,
            0x45: bool(accumulator & constant),
        }[code]
        position += if_true if truth else if_false


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_every_listed_call_is_refused_and_every_other_allowed(machine: str) -> None:
    column = COLUMN[machine]
    refused = {numbers[column] for numbers in seccomp.REFUSED.values()}
    absent = {numbers[column] for numbers in seccomp.ABSENT.values()}
    by_argument = {
        one[column] for one in (seccomp.CLONE, seccomp.IOCTL, seccomp.SOCKET, seccomp.SHMGET, seccomp.PERSONALITY)
    }
    assert not refused & absent
    for number in range(457):
        answer = decide(machine, number)[0]
        if number in refused:
            assert answer == ERRNO | errno.EPERM, number
        elif number in absent:
            assert answer == ERRNO | errno.ENOSYS, number
        elif number not in by_argument:
            assert answer == ALLOW, number
    for number in (457, 470, 1000, 0x40000000, 0x40000065, 0xFFFFFFFF):
        assert decide(machine, number)[0] == ERRNO | errno.ENOSYS


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_arguments_decide(machine: str) -> None:
    column = COLUMN[machine]

    def ask(call: tuple[int, int], *arguments: int) -> int:
        return decide(machine, call[column], *arguments)[0]

    assert ask(seccomp.CLONE, 0x01200011) == ALLOW  # fork
    assert ask(seccomp.CLONE, 0x003D0F00) == ALLOW  # a thread
    for flag in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert ask(seccomp.CLONE, flag | 17) == ERRNO | errno.EPERM
    assert ask(seccomp.IOCTL, 0, 0x5401) == ALLOW
    assert ask(seccomp.IOCTL, 0, 0x5412) == ask(seccomp.IOCTL, 0, 0x541C) == ERRNO | errno.EPERM
    assert ask(seccomp.IOCTL, 0, 0xFFFFFFFF00005412) == ERRNO | errno.EPERM  # the kernel looks at 32 bits
    for family, protocol, answer in (
        *((1, 0, ALLOW), (2, 6, ALLOW), (10, 0, ALLOW), (16, 0, ALLOW), (16, 9, ERRNO | errno.EAFNOSUPPORT)),
        *((family, 0, ERRNO | errno.EAFNOSUPPORT) for family in (3, 17, 29, 38, 40, 44)),
    ):
        assert ask(seccomp.SOCKET, family, 1, protocol) == answer, family
    assert ask(seccomp.SHMGET, 0, 65536) == ALLOW
    assert ask(seccomp.SHMGET, 0, 65537) == ask(seccomp.SHMGET, 0, 1 << 32) == ERRNO | errno.ENOMEM
    assert ask(seccomp.PERSONALITY, 0xFFFFFFFF) == ask(seccomp.PERSONALITY, 0) == ALLOW
    assert ask(seccomp.PERSONALITY, 0x0400000) == ERRNO | errno.EPERM


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_common_calls_are_decided_early_and_the_wrong_architecture_killed(machine: str) -> None:
    assert len(seccomp.program(machine)) // 8 < 400
    assert max(decide(machine, number)[1] for number in range(457)) < 25
    assert decide(machine, 0, architecture=0x40000003) == (KILL, 3)


def test_the_tables_agree_with_this_machines_headers() -> None:
    machine = platform.machine()
    headers = [Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), Path("/usr/include/asm-generic/unistd.h")]
    header = headers[COLUMN[machine]] if machine in COLUMN else Path()
    if not header.is_file():
        pytest.skip("no kernel headers installed")
    numbers = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text()))
    for name, listed in {**seccomp.REFUSED, **seccomp.ABSENT}.items():
        if name in numbers and listed[COLUMN[machine]] is not None:
            assert int(numbers[name]) == listed[COLUMN[machine]], name


def test_an_unknown_machine_is_said_to_be_unknown() -> None:
    assert seccomp.supported("x86_64")
    assert not seccomp.supported("riscv64")
    assert os.uname().machine in ARCHITECTURES or not seccomp.supported(os.uname().machine)
