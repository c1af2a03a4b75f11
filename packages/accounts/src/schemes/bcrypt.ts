import { blowfishWords } from './blowfish-words.ts'

/** Provos and Mazières, "A Future-Adaptable Password Scheme" (1999), in OpenBSD's form `$2b$cost$salt+hash`. */
export interface BcryptSetting {
  readonly cost: number
  readonly salt: Buffer
  /** `$2b$10$` and the 22 letters of the salt. */
  readonly prefix: string
}

const alphabet = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const saltOctets = 16
const hashOctets = 23
const maxKeyOctets = 72

/** `$2a$`, `$2b$`, `$2y$` are the same for correct programs; `$2x$` is not, and is not taken. */
export function readBcrypt(text: string): BcryptSetting | undefined {
  const match = /^\$2[aby]\$(\d\d)\$([./A-Za-z0-9]{22})[./A-Za-z0-9]{31}$/.exec(text)
  if (match === null) return undefined
  const cost = Number(match[1])
  if (cost < 4 || cost > 31) return undefined
  return { cost, salt: decode(match[2] as string, saltOctets), prefix: text.slice(0, 29) }
}

/** The whole hash. Synchronous: 2^cost key schedules, for a thread of its own. */
export function bcrypt(password: Buffer, { cost, salt, prefix }: BcryptSetting): string {
  const key = keyWords(Buffer.concat([password, Buffer.from([0])]).subarray(0, maxKeyOctets))
  const saltWords = Uint32Array.from({ length: 4 }, (_, i) => salt.readUInt32BE(i * 4))
  const none = new Uint32Array(4)
  const state = Blowfish.initial()
  state.expand(key, saltWords)
  for (let left = 2 ** cost; left > 0; left--) {
    state.expand(key, none)
    state.expand(subkeysOf(saltWords), none)
  }
  return prefix + encode(state.encryptMagic().subarray(0, hashOctets))
}

/** The key's octets, over and over, as 18 words. */
function keyWords(key: Buffer): Uint32Array {
  let at = 0
  const next = (): number => {
    const octet = key[at]!
    at = (at + 1) % key.length
    return octet
  }
  return Uint32Array.from({ length: 18 }, () => (next() << 24) | (next() << 16) | (next() << 8) | next())
}

const subkeysOf = (salt: Uint32Array): Uint32Array => Uint32Array.from({ length: 18 }, (_, i) => salt[i & 3]!)

class Blowfish {
  /** 18 subkeys and four boxes, one after the other. */
  readonly #words: Uint32Array

  constructor(words: Uint32Array) {
    this.#words = words
  }

  static initial(): Blowfish {
    return new Blowfish(blowfishWords().slice())
  }

  /** EksBlowfish's ExpandKey. */
  expand(key: Uint32Array, salt: Uint32Array): void {
    const words = this.#words
    for (let i = 0; i < 18; i++) words[i]! ^= key[i]!
    const pair = new Uint32Array(2)
    for (let at = 0, turn = 0; at < words.length; at += 2, turn ^= 2) {
      pair[0]! ^= salt[turn]!
      pair[1]! ^= salt[turn + 1]!
      this.#encrypt(pair)
      words[at] = pair[0]!
      words[at + 1] = pair[1]!
    }
  }

  /** 64 times over `OrpheanBeholderScryDoubt`. */
  encryptMagic(): Buffer {
    const text = Buffer.from('OrpheanBeholderScryDoubt')
    const result = Buffer.alloc(text.length)
    for (let at = 0; at < text.length; at += 8) {
      const pair = Uint32Array.of(text.readUInt32BE(at), text.readUInt32BE(at + 4))
      for (let i = 0; i < 64; i++) this.#encrypt(pair)
      result.writeUInt32BE(pair[0]!, at)
      result.writeUInt32BE(pair[1]!, at + 4)
    }
    return result
  }

  #encrypt(pair: Uint32Array): void {
    const words = this.#words
    let left = pair[0]! ^ words[0]!
    let right = pair[1]!
    for (let round = 1; round <= 16; round++) {
      const sum = (words[18 + (left >>> 24)]! + words[274 + ((left >>> 16) & 255)]!) | 0
      const mixed = ((sum ^ words[530 + ((left >>> 8) & 255)]!) + words[786 + (left & 255)]!) | 0
      const next = right ^ mixed ^ words[round]!
      right = left
      left = next
    }
    pair[0] = right ^ words[17]!
    pair[1] = left
  }
}

function decode(text: string, octets: number): Buffer {
  const result = Buffer.alloc(octets)
  let bits = 0
  let word = 0
  let at = 0
  for (const letter of text) {
    word = ((word << 6) | alphabet.indexOf(letter)) & 0xffff
    bits += 6
    if (bits < 8 || at === octets) continue
    bits -= 8
    result[at++] = (word >>> bits) & 255
  }
  return result
}

/** Most significant bits first, without padding. */
function encode(octets: Uint8Array): string {
  let text = ''
  let bits = 0
  let word = 0
  for (const octet of octets) {
    word = ((word << 8) | octet) & 0xffff
    bits += 8
    while (bits >= 6) {
      bits -= 6
      text += alphabet[(word >>> bits) & 63]
    }
  }
  return bits === 0 ? text : text + alphabet[(word << (6 - bits)) & 63]
}
