/** Clients that are tested, of this process. Postfix: postscreen_pre_queue_limit. */
export class Strangers {
  readonly #byAddress = new Map<string, number>()
  #count = 0

  get count(): number {
    return this.#count
  }

  of(address: string): number {
    return this.#byAddress.get(address) ?? 0
  }

  /** Call what it gives when the client is none any more; a second time it does nothing. */
  enter(address: string): () => void {
    this.#count++
    this.#byAddress.set(address, this.of(address) + 1)
    let here = true
    return () => {
      if (!here) return
      here = false
      this.#count--
      const left = this.of(address) - 1
      if (left > 0) this.#byAddress.set(address, left)
      else this.#byAddress.delete(address)
    }
  }
}
