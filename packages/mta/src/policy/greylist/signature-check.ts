import { PassThrough } from 'node:stream'
import type { Resolver } from '@posthorn/dns'
import { nodeStyle } from './sender-policy.ts'

const maxHeaderBytes = 262_144
/** Each costs a question and a hash of the body: a message with more vouches for nobody. */
const maxSignatures = 5
const timeoutMs = 5_000

/** As `loadSpf`. */
export const loadDkim = () => import('mailauth/lib/dkim/verify.js')

/**
 * Whether a message that streams by bears a DKIM signature of its sender's domain, of one above it or below it. What
 * has no signature costs a look at its header. RFC 6376.
 */
export class SignatureCheck {
  readonly #dns: Resolver
  readonly #domain: string
  #header: Buffer | undefined = Buffer.alloc(0)
  #body: PassThrough | undefined
  #results: Promise<readonly string[]> | undefined

  /** `sender`: of the envelope. */
  constructor(dns: Resolver, sender: string) {
    this.#dns = dns
    this.#domain = sender.slice(sender.lastIndexOf('@') + 1).toLowerCase()
  }

  /** Octets as they came; a promise asks to wait. */
  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#header !== undefined) {
      this.#header = Buffer.concat([this.#header, chunk])
      const end = this.#header.indexOf('\r\n\r\n')
      if (end === -1 && this.#header.length < maxHeaderBytes) return undefined
      const held = this.#header
      this.#header = undefined
      if (end !== -1 && end < maxHeaderBytes) this.#begin(held, end)
      return undefined
    }
    // The session uses its buffer again.
    if (this.#body === undefined || this.#body.write(Buffer.from(chunk))) return undefined
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#body.once('drain', resolve)
    return promise
  }

  /** The domain that vouches. Never rejects; undefined also when DNS takes too long. */
  async voucher(): Promise<string | undefined> {
    this.#body?.end()
    if (this.#results === undefined) return undefined
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<readonly string[]>((resolve) => {
      timer = setTimeout(() => resolve([]), timeoutMs)
    })
    const passed = await Promise.race([this.#results, late])
    clearTimeout(timer)
    return passed.find((domain) => isRelated(domain, this.#domain))
  }

  abort(): void {
    this.#body?.destroy()
    this.#body = undefined
    this.#header = undefined
  }

  #begin(held: Buffer, headerEnd: number): void {
    const count = held.toString('latin1', 0, headerEnd).match(/^dkim-signature[ \t]*:/gim)?.length ?? 0
    if (count === 0 || count > maxSignatures) return
    const body = new PassThrough()
    this.#body = body
    body.on('error', () => {})
    const verified = async () => {
      const { dkimVerify } = await loadDkim()
      return dkimVerify(body, { resolver: nodeStyle(this.#dns) as never })
    }
    this.#results = verified().then(
      ({ results }) =>
        results
          .filter(({ status }) => status.result === 'pass')
          .map(({ signingDomain }) => String(signingDomain).toLowerCase()),
      () => [],
    )
    body.write(held)
  }
}

const isRelated = (one: string, other: string): boolean =>
  one !== '' && (one === other || one.endsWith(`.${other}`) || other.endsWith(`.${one}`))
