import { createHmac, timingSafeEqual } from 'node:crypto'

/**
 * Sender Rewriting Scheme for mail that is forwarded: the next server sees a sender of our domain, which SPF
 * allows, and what it returns finds its way back. Mengwong, "SRS: A Forwarding Scheme"; postsrsd's format.
 */
export interface SenderRewriting {
  readonly domain: string
  /** `a@b.c` → `SRS0=hash=day=b.c=a@domain`; undefined: too long to be rewritten. */
  forward(sender: string, nowMs: number): string | undefined
  /** The address that such a local part stands for; undefined: not one of ours, forged or too old. */
  reverse(address: string, nowMs: number): string | undefined
}

const dayMs = 86_400_000
const days = 1_024
/** How long a bounce may take. */
const maxAgeDays = 21
const hashLength = 8
/** RFC 5321 §4.5.3.1.1 says 64; longer ones are met and passed on, but not without end. */
const maxLocalBytes = 240
const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** @param secret known to all our servers, and to nobody else. */
export function createSenderRewriting(domain: string, secret: string): SenderRewriting {
  const hash = (text: string): string =>
    // Local parts are folded to lower case on their way: so is the hash.
    createHmac('sha256', secret)
      .update(text.toLowerCase())
      .digest('base64url')
      .toLowerCase()
      .slice(0, hashLength)
  const fits = (given: string, text: string): boolean => {
    const expected = Buffer.from(hash(text))
    const found = Buffer.from(given.toLowerCase())
    return expected.length === found.length && timingSafeEqual(expected, found)
  }
  const result = (local: string): string | undefined =>
    local.length > maxLocalBytes ? undefined : `${local}@${domain}`

  return {
    domain: domain.toLowerCase(),
    forward(sender, nowMs) {
      const at = sender.lastIndexOf('@')
      const local = sender.slice(0, at)
      const host = sender.slice(at + 1)
      // Quoted, or with a route in it (%, !): nothing that survives in a local part of ours.
      if (!/^[A-Za-z0-9#$&'*+/=?^_`{|}~.-]+$/.test(local) || !/^[A-Za-z0-9.-]+$/.test(host)) return undefined
      const again = /^SRS([01])([=+-])(.*)$/i.exec(local)
      if (again?.[1] === '0') {
        // Rewritten by another forwarder: we vouch for the way back to him only.
        const rest = `${host}=${again[2]}${again[3]}`
        return result(`SRS1=${hash(rest)}=${rest}`)
      }
      const first = again?.[1] === '1' ? /^[^=]*=(.*)$/.exec(again[3] ?? '') : null
      if (first?.[1] !== undefined) return result(`SRS1=${hash(first[1])}=${first[1]}`)
      const rest = `${formatDay(nowMs)}=${host}=${local}`
      return result(`SRS0=${hash(rest)}=${rest}`)
    },
    reverse(address, nowMs) {
      const at = address.lastIndexOf('@')
      if (address.slice(at + 1).toLowerCase() !== domain.toLowerCase()) return undefined
      const match = /^SRS([01])[=+-]([^=]+)=(.+)$/i.exec(address.slice(0, at))
      const [, kind, given = '', rest = ''] = match ?? []
      if (match === null || !fits(given, rest)) return undefined
      if (kind === '1') {
        const back = /^([^=]+)=([=+-].+)$/.exec(rest)
        return back === null ? undefined : `SRS0${back[2]}@${back[1]}`
      }
      const plain = /^([A-Za-z2-7]{2})=([^=]+)=(.+)$/.exec(rest)
      if (plain === null || !isFresh(plain[1] ?? '', nowMs)) return undefined
      return `${plain[3]}@${plain[2]}`
    },
  }
}

function formatDay(nowMs: number): string {
  const day = Math.floor(nowMs / dayMs) % days
  return `${base32[day >> 5]}${base32[day & 31]}`
}

function isFresh(text: string, nowMs: number): boolean {
  const [high = -1, low = -1] = [...text.toUpperCase()].map((letter) => base32.indexOf(letter))
  const age = ((Math.floor(nowMs / dayMs) % days) - (high * 32 + low) + days) % days
  // A clock a little ahead elsewhere in our cluster.
  return age <= maxAgeDays || age >= days - 1
}
