"""A power cut: takes back, in the files of a node that was just killed, what no sync made durable. What
could be taken back stands in the journal that faults.cpp keeps.

Of a file, any subset of the sectors written since its last sync may be old again, and what it grew
by may be gone. Of a directory, the newest changes since its last sync may be undone, in order."""

import os
import shutil
import struct

SECTOR = 512
MARK = b"RKJ1"


def records(raw):
    """(position, kind, rest) of each; what a kill tore is left out."""
    at = raw.find(MARK) - 8
    while 0 <= at <= len(raw) - 13:
        size = struct.unpack_from("<Q", raw, at)[0]
        if raw[at + 8:at + 12] == MARK and at + 8 + size <= len(raw):
            yield at, chr(raw[at + 12]), raw[at + 13:at + 8 + size]
            at += 8 + size
        else:
            found = raw.find(MARK, at + 9)
            if found < 0:
                return
            at = found - 8


def numbers(rest, count):
    return struct.unpack_from("<%dQ" % count, rest)


def texts(rest, at):
    made = []
    while at < len(rest):
        size = struct.unpack_from("<Q", rest, at)[0]
        made.append(rest[at + 8:at + 8 + size].decode("utf-8", "surrogateescape"))
        at += 8 + size
    return made


def cut(journal, kept, data, draw):
    """`kept`: the directory of removed files. Returns how many sectors and changes of names were lost."""
    path = os.path.join(journal, "journal")
    if not os.path.exists(path):
        return 0, 0
    with open(path, "rb") as file:
        all_of = list(records(file.read()))
    synced = {}
    for _, kind, rest in all_of:
        if kind == "S":
            inode, upto = numbers(rest, 2)
            synced[inode] = max(upto, synced.get(inode, 0))
    open_ones = [(kind, rest) for at, kind, rest in all_of
                 if kind != "S" and at >= synced.get(numbers(rest, 1)[0], 0)]
    sectors = lose_sectors([rest for kind, rest in open_ones if kind == "W"], kept, data, draw)
    names = lose_names([each for each in open_ones if each[0] != "W"], draw)
    os.unlink(path)
    for name in os.listdir(kept):
        os.unlink(os.path.join(kept, name))
    return sectors, names


def lose_sectors(writes, kept, data, draw):
    where = {}
    for top in (data, kept):
        for folder, _, names in os.walk(top):
            for name in names:
                at = os.path.join(folder, name)
                where.setdefault(os.stat(at).st_ino, at)
    lost, stays = 0, set()  # what keeps a newer content can't get an older one back
    for rest in reversed(writes):
        inode, begin, end, size = numbers(rest, 4)
        old = rest[40:]
        if inode not in where:
            continue
        mood = draw.random()
        with open(where[inode], "r+b") as file:
            now = os.fstat(file.fileno()).st_size
            for sector in range(begin // SECTOR, (max(end, size, begin + 1) - 1) // SECTOR + 1):
                low, high = max(begin, sector * SECTOR), min(max(end, size), (sector + 1) * SECTOR)
                if (inode, sector) in stays or mood < 0.3 or (mood > 0.7 and draw.random() < 0.5):
                    stays.add((inode, sector))
                    continue
                before = old[low - begin:high - begin]
                file.seek(low)
                file.write(before.ljust(min(high, max(now, size)) - low, b"\0"))
                lost += 1
            # What it grew by is gone only if nothing in it stays.
            if end > size and now >= end and not any(
                    (inode, sector) in stays for sector in range(size // SECTOR, (end - 1) // SECTOR + 1)):
                if now == end:
                    file.truncate(size)
    return lost


def lose_names(changes, draw):
    folders = {}
    for each in changes:
        folders.setdefault(numbers(each[1], 1)[0], []).append(each)
    gone = set()
    for some in folders.values():
        count = draw.choice([0, len(some), draw.randint(0, len(some))])
        gone.update(id(each) for each in some[len(some) - count:])
    undone = [each for each in reversed(changes) if id(each) in gone]
    for kind, rest in undone:
        names = texts(rest, 8)
        try:
            if kind == "C":
                shutil.rmtree(names[0]) if os.path.isdir(names[0]) else os.unlink(names[0])
            elif kind == "R":
                os.rename(names[1], names[0])
                if names[2]:
                    os.rename(names[2], names[1])
            elif names[1]:
                os.rename(names[1], names[0])
            else:
                os.mkdir(names[0], 0o750)
        except FileNotFoundError:
            pass  # its directory went, too
    return len(undone)
