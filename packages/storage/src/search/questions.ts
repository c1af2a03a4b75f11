import { workTurns } from '../work-turns.ts'

/** Characters of a message that are looked through before answers are remembered, and the work is shared out. */
const quickLength = 256 * 1024

/**
 * What a search asks of one message. A command has room for thousands of keys, and a message may be long: once much of
 * it has been looked through, answers are remembered, and questions that come when the turn is over are put off.
 */
export class Questions {
  #lookedLength = 0
  readonly #known = new Map<string, boolean>()
  readonly #begun = new Map<string, Iterator<unknown, boolean>>()
  #isAnswered = false
  #isPutOff = false

  get isPutOff(): boolean {
    return this.#isPutOff
  }

  /** So many characters are looked through for the next answer, or were for the last one. */
  count(length: number): void {
    this.#lookedLength += length
  }

  /** Not much has been looked through yet: `ask` would cost more than it gives. */
  get areFew(): boolean {
    return this.#lookedLength < quickLength
  }

  /**
   * The answer that `look` gives, when it has one. undefined: put off, for others wait.
   *
   * @param key the same for the same question
   */
  ask(key: string, look: () => boolean | undefined): boolean | undefined {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    if (this.#isAnswered && workTurns.isOver) {
      this.#isPutOff = true
      return undefined
    }
    const answer = look()
    this.#isAnswered = true
    if (answer === undefined) this.#isPutOff = true
    else this.#known.set(key, answer)
    return answer
  }

  /** As `ask`, where one answer may take long: `begin` gives its steps, and what is left of them is done in other turns. */
  askInSteps(key: string, begin: () => Iterator<unknown, boolean>): boolean | undefined {
    const steps = this.#begun.get(key) ?? begin()
    this.#begun.set(key, steps)
    return this.ask(key, () => {
      for (let step = steps.next(); ; step = steps.next()) {
        if (step.done === true) return step.value
        if (workTurns.isOver) return undefined
      }
    })
  }

  /** Since the last call a question was put off: ask all of them again in another turn, until none is. */
  takePutOff(): boolean {
    const isPutOff = this.#isPutOff
    this.#isPutOff = false
    this.#isAnswered = false
    return isPutOff
  }
}
