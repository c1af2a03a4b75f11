import { Wire } from './wire.ts'

/** Says one IMAP command and gives all that was heard until its tagged reply. */
export class ImapTalk {
  readonly wire: Wire
  #count = 0
  constructor(wire: Wire) {
    this.wire = wire
  }

  static async open(port: number): Promise<ImapTalk> {
    const wire = await Wire.open(port)
    await wire.hears(/^\* OK .*\r\n/)
    return new ImapTalk(wire)
  }

  static async login(port: number, { address, password }: Record<'address' | 'password', string>) {
    const talk = await ImapTalk.open(port)
    const quoted = password.replaceAll(/["\\]/g, '\\$&')
    const answer = await talk.say(`LOGIN ${address} "${quoted}"`)
    if (!/OK/.test(answer)) throw new Error(`login refused: ${answer}`)
    return talk
  }

  /** `command` without tag and line end; octets as latin1. Literals are `{n+}` and follow in the text. */
  async say(command: string, timeoutMs = 10_000): Promise<string> {
    const tag = `t${++this.#count}`
    const from = this.wire.heard.length
    this.wire.send(`${tag} ${command}\r\n`)
    const answered = new RegExp(`(^|\\r\\n)${tag} [^\\r]*\\r\\n`)
    const heard = (): string => this.wire.heard.slice(Math.max(0, from - 2))
    const endMs = performance.now() + timeoutMs
    while (!answered.test(heard())) {
      if (this.wire.closed) throw new Error(`closed; heard: ${heard().slice(-500)}`)
      if (performance.now() > endMs)
        throw new Error(`no answer to ${command.slice(0, 80)}: ${heard().slice(-500)}`)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    return this.wire.heard.slice(from).replaceAll(`${tag} `, '')
  }
}

/** One SMTP connection: each line is answered before the next is sent. */
export class SmtpTalk {
  readonly wire: Wire
  constructor(wire: Wire) {
    this.wire = wire
  }

  static async open(port: number, hello = 'EHLO client.example.net'): Promise<SmtpTalk> {
    const wire = await Wire.open(port)
    await wire.hears(/^220 .*\r\n/)
    const talk = new SmtpTalk(wire)
    await talk.say(hello)
    return talk
  }

  static async login(port: number, { address, password }: Record<'address' | 'password', string>) {
    const talk = await SmtpTalk.open(port)
    const initial = Buffer.from(`\0${address}\0${password}`).toString('base64')
    const answer = await talk.say(`AUTH PLAIN ${initial}`)
    if (!answer.startsWith('235 ')) throw new Error(`login refused: ${answer}`)
    return talk
  }

  /** The whole reply, its last line ended. Octets of `line` as latin1. */
  async say(line: string, timeoutMs = 10_000): Promise<string> {
    return await this.octets(Buffer.from(`${line}\r\n`, 'latin1'), timeoutMs)
  }

  async octets(octets: Uint8Array, timeoutMs = 10_000): Promise<string> {
    const from = this.wire.heard.length
    this.wire.send(octets)
    const endMs = performance.now() + timeoutMs
    for (;;) {
      const heard = this.wire.heard.slice(from)
      if (/(^|\r\n)\d{3}( [^\r]*)?\r\n$/.test(heard)) return heard
      if (this.wire.closed) throw new Error(`closed; heard: ${heard.slice(-500)}`)
      if (performance.now() > endMs) throw new Error(`no answer: ${heard.slice(-500)}`)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }

  /** A whole message; the reply to its end. */
  async message(from: string, to: string, text: string | Uint8Array): Promise<string> {
    for (const line of [`MAIL FROM:<${from}>`, `RCPT TO:<${to}>`]) {
      const answer = await this.say(line)
      if (!answer.startsWith('250 ')) return answer
    }
    const answer = await this.say('DATA')
    if (!answer.startsWith('354 ')) return answer
    const octets = typeof text === 'string' ? Buffer.from(text, 'latin1') : Buffer.from(text)
    return await this.octets(Buffer.concat([octets, Buffer.from('\r\n.\r\n')]), 30_000)
  }
}
