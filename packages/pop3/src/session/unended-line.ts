/** How long after its last octet a command without a line end is taken as it stands. */
const patienceMs = 300

const command = Buffer.from('UTF8')
const lineEnd = Buffer.from('\r\n')

/**
 * Evolution (libcamel 3.46) sends `UTF8` without a line end wherever CAPA names it, and waits for the answer. What is
 * exactly that, with nothing behind it, is ended here; should its line end come after all, it is no line of its own.
 */
export class UnendedLine {
  readonly #push: (chunk: Buffer) => void
  #timer: NodeJS.Timeout | undefined
  #endMayCome = false

  /** @param push gives a line end to who reads lines */
  constructor(push: (chunk: Buffer) => void) {
    this.#push = push
  }

  /** @returns what of the chunk is to be read. @param from where in a line it begins */
  take(chunk: Buffer, from: 'start of a line' | 'within a line'): Buffer {
    this.forget()
    const late = this.#endMayCome ? lengthOfLineEnd(chunk) : 0
    this.#endMayCome = false
    if (from === 'start of a line' && chunk.equals(command)) this.#timer = setTimeout(this.#end, patienceMs)
    return late === 0 ? chunk : chunk.subarray(late)
  }

  forget(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  readonly #end = (): void => {
    this.#timer = undefined
    this.#endMayCome = true
    this.#push(lineEnd)
  }
}

function lengthOfLineEnd(chunk: Buffer): number {
  if (chunk[0] === 10) return 1
  return chunk[0] === 13 && chunk[1] === 10 ? 2 : 0
}
