/** One line that passed. `text` is UTF-8 with control characters escaped; secrets stand as `<masked>`. */
export interface TranscriptLine {
  readonly from: 'client' | 'server'
  readonly text: string
}

const maxShownBytes = 500

/**
 * What was said on a connection, for debugging, without passwords: from a command that carries one (PASS,
 * LOGIN, AUTH, AUTHENTICATE) everything the client says is masked until the server has answered with
 * something else than a request to go on (`+`, `334`).
 */
export class Transcript {
  readonly #sink: (line: TranscriptLine) => void
  #client = ''
  #server = ''
  #secret = false

  constructor(sink: (line: TranscriptLine) => void) {
    this.#sink = sink
  }

  received(chunk: Uint8Array): void {
    this.#client = this.#lines(this.#client + latin1(chunk), (line) => this.#fromClient(line))
  }

  sent(chunk: Uint8Array | string): void {
    this.#server = this.#lines(this.#server + latin1(chunk), (line) => this.#fromServer(line))
  }

  #lines(text: string, take: (line: string) => void): string {
    let start = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      take(text.slice(start, end > start && text[end - 1] === '\r' ? end - 1 : end))
      start = end + 1
    }
    // Only the start of a line is ever shown.
    return text.length - start > 8192 ? `${text.slice(start, start + maxShownBytes)}…` : text.slice(start)
  }

  #fromClient(line: string): void {
    if (this.#secret) {
      this.#sink({ from: 'client', text: '<masked>' })
      return
    }
    const words = line.trimStart().split(' ', 3)
    const at = secretVerbs.has((words[0] ?? '').toLowerCase())
      ? 0
      : secretVerbs.has((words[1] ?? '').toLowerCase())
        ? 1
        : -1
    this.#secret = at >= 0
    const text = at < 0 ? printable(line) : `${printable(words.slice(0, at + 1).join(' '))} <masked>`
    this.#sink({ from: 'client', text })
  }

  #fromServer(line: string): void {
    if (line !== '+' && !line.startsWith('+ ') && !line.startsWith('334') && !line.startsWith('* '))
      this.#secret = false
    this.#sink({ from: 'server', text: printable(line) })
  }
}

const secretVerbs = new Set(['pass', 'login', 'auth', 'authenticate', 'apop'])

function latin1(chunk: Uint8Array | string): string {
  return typeof chunk === 'string'
    ? Buffer.from(chunk).toString('latin1')
    : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1')
}

function printable(line: string): string {
  const text = Buffer.from(line.slice(0, maxShownBytes), 'latin1').toString('utf8')
  const shown = text.replace(/[\x00-\x1f\x7f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
  return line.length > maxShownBytes ? `${shown}…` : shown
}
