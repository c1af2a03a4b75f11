/** Somebody who sends: to a maildrop that he reads by POP3, and out through the queue. */
import assert from 'node:assert/strict'
import { Wire } from '../clients/wire.ts'
import { bodyOf, isBroken, messageOf, password } from './imap-actor.ts'

type Ports = { readonly smtpPort: number; readonly pop3Port: number }

export class PostActor {
  readonly user: string
  operations = 0
  /** Accepted for elsewhere. */
  readonly sentOut = new Set<string>()
  /** Accepted for the maildrop and not deleted; `maybe`: not answered. */
  readonly #there = new Set<string>()
  readonly #maybe = new Set<string>()
  #number = 0
  #wire: Wire | undefined

  constructor(user: string) {
    this.user = user
  }

  async work(ports: Ports, isOver: () => boolean, pause: () => Promise<unknown>): Promise<void> {
    try {
      while (!isOver()) {
        await this.#send(ports.smtpPort, pause)
        await this.#collect(ports.pop3Port, 'delete some')
        await pause()
      }
    } catch (error) {
      if (!isBroken(error, this.#wire)) throw error
    } finally {
      this.#wire?.close()
    }
  }

  /** Every message that must be there is, once and whole, and no other. */
  async verify(ports: Ports): Promise<void> {
    await this.#collect(ports.pop3Port, 'look')
  }

  async #ask(text: string, wanted: RegExp): Promise<string> {
    const wire = this.#wire as Wire
    wire.heard = ''
    if (text !== '') wire.send(text)
    return await wire.hears(wanted, 120_000)
  }

  async #send(port: number, pause: () => Promise<unknown>): Promise<void> {
    this.#wire = await Wire.open(port)
    await this.#ask('', /^220 .*\r\n/)
    await this.#ask('EHLO actor\r\n', /^250 .*\r\n/m)
    for (let count = 0; count < 6; count++) {
      const id = `${this.user}.${++this.#number}.`
      const isOut = Math.random() < 0.4
      const to = isOut ? `${id}@remote.test` : this.user
      await this.#ask(`MAIL FROM:<s@example.net>\r\n`, /^250 .*\r\n/)
      await this.#ask(`RCPT TO:<${to}>\r\n`, /^250 .*\r\n/)
      await this.#ask('DATA\r\n', /^354 .*\r\n/)
      if (!isOut) this.#maybe.add(id)
      await this.#ask(`${messageOf(id)}.\r\n`, /^250 .*\r\n/)
      this.#maybe.delete(id)
      ;(isOut ? this.sentOut : this.#there).add(id)
      this.operations++
      await pause()
    }
    this.#wire.close()
  }

  async #collect(port: number, how: 'look' | 'delete some'): Promise<void> {
    this.#wire = await Wire.open(port)
    await this.#ask('', /^\+OK.*\r\n/)
    await this.#ask(`USER ${this.user}\r\n`, /^\+OK.*\r\n/)
    // The session of a worker that was killed may have to end first.
    for (let tries = 0; ; tries++) {
      const answer = await this.#ask(`PASS ${password}\r\n`, /^(\+OK|-ERR).*\r\n/)
      if (answer.startsWith('+OK')) break
      assert.ok(answer.includes('[IN-USE]') && tries < 200, answer)
      await new Promise((resolve) => setTimeout(resolve, 100))
      await this.#ask(`USER ${this.user}\r\n`, /^\+OK.*\r\n/)
    }
    const count = Number(/^\+OK (\d+)/.exec(await this.#ask('STAT\r\n', /^\+OK.*\r\n/))?.[1])
    const found: string[] = []
    for (let at = 1; at <= count; at++) {
      const text = await this.#ask(`RETR ${at}\r\n`, /\r\n\.\r\n$/)
      const id = /X-Ledger: (\S+)/.exec(text)?.[1] ?? ''
      assert.ok(text.endsWith(`\r\n\r\n${bodyOf(id)}\r\n.\r\n`), `${id} is not whole`)
      assert.ok(this.#there.has(id) || this.#maybe.has(id), `${id} is there and should not be`)
      assert.ok(!found.includes(id), `${id} is there twice`)
      found.push(id)
    }
    for (const id of this.#there)
      assert.ok(found.includes(id) || this.#maybe.has(id), `${id} was accepted and is lost`)
    this.#there.clear()
    this.#maybe.clear()
    for (const id of found) this.#there.add(id)
    if (how === 'delete some') await this.#delete(found)
    await this.#ask('QUIT\r\n', /^\+OK.*\r\n/)
    for (const id of this.#maybe) this.#there.delete(id)
    this.#maybe.clear()
    this.operations++
    this.#wire.close()
  }

  /** Applied at QUIT: until that is answered they may be there or not. */
  async #delete(found: readonly string[]): Promise<void> {
    for (const [at, id] of found.entries()) {
      if (Math.random() < 0.5 && found.length < 30) continue
      await this.#ask(`DELE ${at + 1}\r\n`, /^\+OK.*\r\n/)
      this.#maybe.add(id)
    }
  }
}
