const codes = new Int8Array(256).fill(-1)
for (const [i, c] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].entries())
  codes[c.charCodeAt(0)] = i

/**
 * Strict base64 (RFC 4648 §3.3, §4): the alphabet alone, full padding, nothing behind it, and no bits
 * hidden in the last quantum. undefined for anything else, where Node's decoder would guess.
 */
export function decodeBase64(text: Uint8Array): Buffer | undefined {
  const length = text.length
  if (length % 4 !== 0) return undefined
  if (length === 0) return Buffer.alloc(0)
  const padding = text[length - 1] !== 61 ? 0 : text[length - 2] !== 61 ? 1 : 2
  const significant = length - padding
  for (let i = 0; i < significant; i++) if (codes[text[i]!]! < 0) return undefined
  const last = codes[text[significant - 1]!]!
  if (padding === 1 && (last & 3) !== 0) return undefined
  if (padding === 2 && (last & 15) !== 0) return undefined
  return Buffer.from(Buffer.from(text.buffer, text.byteOffset, length).toString('latin1'), 'base64')
}
