import assert from 'node:assert/strict'
import net from 'node:net'

/** What one client knows of its mailbox, kept as RFC 9051 §7 says; complains where the server breaks its rules. */
export class ImapView {
  readonly #socket: net.Socket
  readonly name: string
  /** By sequence number - 1; 0: not told yet. */
  uids: number[] = []
  ended = false
  #octets = Buffer.alloc(0)
  #wake: (() => void) | undefined
  #tags = 0
  /** Places are not known until all messages have been listed again. */
  #blind = false
  /** Of the command under way: no EXPUNGE may come with it (RFC 9051 §7.5.1). */
  #holds = false
  #hearsAtOnce = false
  /** Last lines, for the message of a failure. */
  readonly #history: string[] = []

  private constructor(name: string, socket: net.Socket) {
    this.name = name
    this.#socket = socket
    socket.on('data', (chunk) => {
      this.#octets = Buffer.concat([this.#octets, chunk])
      this.#wake?.()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.ended = true
      this.#wake?.()
    })
  }

  static async connect(name: string, port: number): Promise<ImapView> {
    const view = new ImapView(name, net.connect(port, '127.0.0.1'))
    await view.#response()
    return view
  }

  close(): void {
    this.#socket.destroy()
  }

  /** Sends a command; its tagged answer without the tag, '' when the session has ended. */
  async say(command: string): Promise<string> {
    const answer = await this.#ask(command)
    for (let tries = 0; this.#blind && !this.ended && tries < 5; tries++) {
      this.#blind = false
      await this.#ask('UID FETCH 1:* (UID)')
    }
    return answer
  }

  async #ask(command: string): Promise<string> {
    const tag = `${this.name}${++this.#tags}`
    const name = command.replace(/ .*/s, '').toUpperCase()
    // RFC 5465 §6.1: who asks for SELECTED hears of expunges at any time.
    if (/^NOTIFY SET.*\(SELECTED /i.test(command)) this.#hearsAtOnce = true
    else if (name === 'NOTIFY') this.#hearsAtOnce = false
    this.#holds = !this.#hearsAtOnce && ['FETCH', 'STORE', 'SEARCH'].includes(name)
    this.#note(`C: ${command}`)
    this.#socket.write(`${tag} ${command}\r\n`, 'latin1')
    for (;;) {
      const line = await this.#response()
      if (line === undefined) return ''
      if (line.startsWith('+ ')) this.#socket.write(name === 'IDLE' ? 'DONE\r\n' : '*\r\n')
      else if (line.startsWith(`${tag} `)) {
        const answer = line.slice(tag.length + 1)
        const left = answer.startsWith('OK') ? ['UNSELECT', 'CLOSE'] : ['SELECT', 'EXAMINE']
        if (!answer.startsWith('BAD') && left.includes(name)) this.uids = []
        return answer
      } else if (line.startsWith('* BAD')) return line.slice(2)
      else this.#take(line)
    }
  }

  #take(line: string): void {
    const [, number = '', what = '', rest = ''] = /^\* (\d+) ([A-Z]+) ?(.*)/s.exec(line) ?? []
    const n = Number(number)
    // What comes before is about the mailbox selected before. RFC 9051 §7.1 CLOSED.
    if (line.startsWith('* OK [CLOSED]')) {
      this.uids = []
      this.#blind = false
    }
    if (what === 'EXISTS') {
      this.#check(n >= this.uids.length, `EXISTS ${n} after ${this.uids.length}`)
      this.uids = Array.from({ length: n }, (_, at) => this.uids[at] ?? 0)
    } else if (what === 'EXPUNGE') {
      this.#check(!this.#holds, 'EXPUNGE within FETCH, STORE or SEARCH')
      this.#check(n >= 1 && n <= this.uids.length, `EXPUNGE ${n} of ${this.uids.length}`)
      this.uids.splice(n - 1, 1)
    } else if (what === 'FETCH') {
      this.#check(n >= 1 && n <= this.uids.length, `FETCH ${n} of ${this.uids.length}`)
      const uid = Number(/[( ]UID (\d+)/.exec(rest)?.[1] ?? 0)
      const known = this.uids[n - 1]
      if (uid !== 0 && known !== 0 && known !== undefined)
        this.#check(uid === known, `UID ${uid} at ${n}, before ${known}`)
      if (uid !== 0) this.uids[n - 1] = uid
    } else if (/^\* VANISHED (?!\(EARLIER\))/.test(line)) {
      this.#check(!this.#holds, 'VANISHED within FETCH, STORE or SEARCH')
      for (const range of line.slice('* VANISHED '.length).split(',')) this.#vanish(range)
    }
  }

  #vanish(range: string): void {
    const [first = 0, last = first] = range.split(':').map(Number)
    for (let uid = first; uid <= last; uid++) {
      const at = this.uids.indexOf(uid)
      const unknown = this.uids.indexOf(0)
      this.#check(at >= 0 || unknown >= 0, `VANISHED ${range} of nothing known`)
      this.uids.splice(at >= 0 ? at : unknown, 1)
      if (at >= 0) continue
      // Which of those without a UID went? From here on places say nothing.
      this.#blind = true
      this.uids.fill(0)
    }
  }

  history(): string {
    return this.#history.join('\n')
  }

  #check(holds: boolean, what: string): void {
    assert.ok(holds, `${what}\n${this.history()}`)
  }

  #note(line: string): void {
    this.#history.push(line.slice(0, 300))
    if (this.#history.length > 25) this.#history.shift()
  }

  /** One response with its literals. */
  async #response(): Promise<string | undefined> {
    for (let from = 0; ; ) {
      const end = this.#octets.indexOf('\r\n', from)
      if (end >= 0) {
        const literal = /\{(\d+)\}$/.exec(this.#octets.toString('latin1', Math.max(from, end - 24), end))
        const next = end + 2 + Number(literal?.[1] ?? 0)
        if (literal === null) {
          const line = this.#octets.toString('latin1', 0, end)
          this.#octets = this.#octets.subarray(end + 2)
          this.#note(`S: ${line}`)
          return line
        }
        if (this.#octets.length >= next) {
          from = next
          continue
        }
      }
      if (this.ended) return undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}
