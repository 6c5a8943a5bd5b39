// Writes cpio archives in the "new ASCII" format, which Linux unpacks as its initial RAM disk (Documentation/driver-api/
// early-userspace/buffer-format): a header of 14 hexadecimal fields for each file, names and contents padded to four bytes.

export type ArchiveEntry =
  | { readonly name: string; readonly type: 'directory' }
  | { readonly name: string; readonly type: 'file'; readonly contents: Uint8Array; readonly executable?: boolean }
  | { readonly name: string; readonly type: 'character device'; readonly major: number; readonly minor: number };

const MAGIC = '070701';
const TRAILER = 'TRAILER!!!';
const MODE = { directory: 0o040755, 'character device': 0o020600, file: 0o100644, executable: 0o100755 };

/** The archive of `entries`, directories before what is in them. Owner is root, all times are 0: the same entries give the same bytes. */
export function cpioArchive(entries: readonly ArchiveEntry[]): Uint8Array {
  const parts = entries.flatMap((entry, i) => member(entry.name, i + 1, entry));
  parts.push(...member(TRAILER, 0, undefined));
  return Buffer.concat(parts);
}

function member(name: string, inode: number, entry: ArchiveEntry | undefined): Uint8Array[] {
  const contents = entry?.type === 'file' ? entry.contents : new Uint8Array();
  const device = entry?.type === 'character device' ? entry : { major: 0, minor: 0 };
  const fields = [
    inode,
    entry === undefined ? 0 : MODE[entry.type === 'file' && entry.executable ? 'executable' : entry.type],
    0, // user
    0, // group
    entry?.type === 'directory' ? 2 : 1, // links
    0, // time
    contents.length,
    0, // device it is on: major
    0, // and minor
    device.major,
    device.minor,
    Buffer.byteLength(name) + 1,
    0, // check sum: not in this format
  ];
  const header = MAGIC + fields.map((value) => value.toString(16).padStart(8, '0')).join('');
  return [padded(Buffer.from(`${header}${name}\0`)), padded(contents)];
}

/** With zeros to a multiple of four bytes. */
function padded(bytes: Uint8Array): Uint8Array {
  const to = new Uint8Array((bytes.length + 3) & ~3);
  to.set(bytes);
  return to;
}
