import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import tls from 'node:tls'
import zlib from 'node:zlib'
import { HeldSocket } from '@posthorn/net/testkit'

/** Octets, what to wait for before what follows is sent, and what begins then. */
export interface Step {
  readonly say: Buffer
  readonly hears?: RegExp
  readonly begins?: 'tls' | 'deflate'
}

/** 0 to n - 1. */
export type Random = (n: number) => number

export function randomOf(seed: number): Random {
  let state = seed >>> 0
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * n)
  }
}

export interface Manner {
  /** undefined: each step in one write. */
  readonly random: Random | undefined
  /** Nothing heard and nothing sent for so long is a fault. */
  readonly stallMs: number
}

/** Says all steps, and gives all that was heard until the server has closed, as latin1. */
export async function converse(port: number, steps: readonly Step[], manner: Manner): Promise<string> {
  const talk = new PiecewiseTalk(port, manner)
  try {
    return await talk.run(steps)
  } finally {
    talk.close()
  }
}

class PiecewiseTalk {
  readonly #manner: Manner
  readonly #below: net.Socket
  #held: HeldSocket | undefined
  #top: net.Socket
  #inflate: zlib.InflateRaw | undefined
  #deflate: zlib.DeflateRaw | undefined
  #heard = ''
  #closed = false
  #movedMs = performance.now()
  #said = ''

  constructor(port: number, manner: Manner) {
    this.#manner = manner
    this.#below = net.connect({ port, host: '127.0.0.1', noDelay: true })
    this.#top = this.#below
  }

  async run(steps: readonly Step[]): Promise<string> {
    await once(this.#below, 'connect')
    this.#listen(this.#below)
    for (const { say, hears, begins } of steps) {
      this.#said = say.toString('latin1', 0, 60)
      if (hears === undefined) {
        await this.#say(say)
        continue
      }
      const from = this.#heard.length
      await this.#say(say)
      await this.#until(() => hears.test(this.#heard.slice(from)))
      if (begins === 'tls') await this.#startTls()
      if (begins === 'deflate') this.#startDeflate()
    }
    await this.#until(() => this.#closed)
    const inflate = this.#inflate
    if (inflate !== undefined) await new Promise<void>((resolve) => inflate.flush(resolve))
    return this.#heard
  }

  close(): void {
    this.#top.destroy()
    this.#below.destroy()
  }

  #listen(socket: net.Socket): void {
    socket.on('error', () => {})
    const over = (): void => {
      if (socket === this.#top) this.#closed = true
    }
    socket.on('end', over)
    socket.on('close', over)
    socket.on('data', (octets: Buffer) => {
      this.#movedMs = performance.now()
      if (this.#inflate === undefined) this.#hear(octets)
      else this.#inflate.write(octets)
      this.#readSlowly(socket)
    })
  }

  #hear(octets: Buffer): void {
    this.#heard += octets.toString('latin1')
  }

  #readSlowly(socket: net.Socket): void {
    const { random } = this.#manner
    if (random === undefined || random(30) > 0) return
    socket.pause()
    setTimeout(() => socket.resume(), random(40))
  }

  async #startTls(): Promise<void> {
    this.#below.removeAllListeners('data')
    this.#held = new HeldSocket(this.#below)
    const secure = tls.connect({ socket: this.#held, rejectUnauthorized: false })
    this.#top = secure
    this.#listen(secure)
    await once(secure, 'secureConnect')
  }

  #startDeflate(): void {
    this.#inflate = zlib.createInflateRaw()
    this.#inflate.on('data', (octets: Buffer) => {
      this.#movedMs = performance.now()
      this.#hear(octets)
    })
    this.#deflate = zlib.createDeflateRaw()
  }

  async #say(octets: Buffer): Promise<void> {
    const { random } = this.#manner
    this.#movedMs = performance.now()
    if (random === undefined) {
      this.#top.write(await this.#packed(octets))
      return
    }
    // Most dialogues are cut into few pieces, some into many.
    const most = [16, 300, 5_000, 100_000][random(4)] as number
    for (let at = 0; at < octets.length && !this.#closed; ) {
      this.#held?.hold()
      for (let records = 1 + random(12); records > 0 && at < octets.length; records--) {
        const end = Math.min(octets.length, at + 1 + random(octets.length > 200_000 ? 50_000 : most))
        await this.#write(await this.#packed(octets.subarray(at, end)))
        at = end
      }
      this.#held?.release()
      this.#movedMs = performance.now()
      const pause = random(6)
      if (pause === 0) await delay(random(5))
      else if (pause === 1) await turn()
    }
  }

  #write(octets: Buffer): Promise<void> {
    return new Promise((resolve) => {
      if (this.#held === undefined) {
        // As a packet of its own; nobody waits for it.
        this.#top.write(octets)
        resolve()
      } else this.#top.write(octets, () => resolve())
    })
  }

  async #packed(octets: Buffer): Promise<Buffer> {
    const deflate = this.#deflate
    if (deflate === undefined) return octets
    const parts: Buffer[] = []
    const take = (part: Buffer): void => void parts.push(part)
    deflate.on('data', take)
    deflate.write(octets)
    await new Promise<void>((resolve) => deflate.flush(zlib.constants.Z_SYNC_FLUSH, resolve))
    deflate.off('data', take)
    return Buffer.concat(parts)
  }

  async #until(done: () => boolean): Promise<void> {
    while (!done()) {
      if (this.#closed) throw new Error(`closed after ${JSON.stringify(this.#said)}: ${this.#end}`)
      if (performance.now() - this.#movedMs > this.#manner.stallMs)
        throw new Error(`stalled after ${JSON.stringify(this.#said)}: ${this.#end}`)
      await delay(2)
    }
  }

  get #end(): string {
    return JSON.stringify(this.#heard.slice(-300))
  }
}
