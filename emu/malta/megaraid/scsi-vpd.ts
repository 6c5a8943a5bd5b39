// Vital product data pages of the disks (SPC-3 7.6, SBC-3 6.5): the ones QEMU's scsi-hd has without a serial number.

const PAGE_SUPPORTED = 0x00;
const PAGE_DEVICE_IDENTIFICATION = 0x83;
const PAGE_BLOCK_LIMITS = 0xb0;
const PAGE_BLOCK_CHARACTERISTICS = 0xb1;
const PAGE_PROVISIONING = 0xb2;

/** The page with its 4-byte header, or undefined for a page the disk does not have (0x80, the serial number, too). */
export function vitalProductData(page: number, drive: number): Uint8Array | undefined {
  const body = pageBody(page, drive);
  if (!body) return undefined;
  const data = new Uint8Array(4 + body.length);
  data[1] = page;
  data[3] = body.length;
  data.set(body, 4);
  return data;
}

function pageBody(page: number, drive: number): Uint8Array | undefined {
  switch (page) {
    case PAGE_SUPPORTED:
      return Uint8Array.of(
        PAGE_SUPPORTED,
        PAGE_DEVICE_IDENTIFICATION,
        PAGE_BLOCK_LIMITS,
        PAGE_BLOCK_CHARACTERISTICS,
        PAGE_PROVISIONING,
      );
    case PAGE_DEVICE_IDENTIFICATION: {
      const name = new TextEncoder().encode(`d${drive}`);
      return Uint8Array.of(0x02, 0x00, 0x00, name.length, ...name); // one vendor-specific ASCII designator
    }
    case PAGE_BLOCK_LIMITS:
      return new Uint8Array(60); // no limits
    case PAGE_BLOCK_CHARACTERISTICS:
      return new Uint8Array(60); // medium rotation rate not reported
    case PAGE_PROVISIONING:
      return new Uint8Array(4); // fully provisioned
    default:
      return undefined;
  }
}
