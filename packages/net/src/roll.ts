/** Where a member stands in a roll. Kept by who added it. */
export class Place<T> {
  /** Written by Roll alone; undefined: removed. */
  member: T | undefined
  before: Place<T> | undefined = undefined
  after: Place<T> | undefined = undefined

  constructor(member: T) {
    this.member = member
  }
}

/**
 * Who is here, in order of arrival, for members that come and go by the thousand. A Set lays a new table after some
 * comings and goings, and V8's old table points to the new one: once a table is in the old generation, dead, each later
 * one with all that was in it outlives the quick collections of garbage, until the next thorough one.
 */
export class Roll<T> {
  #size = 0
  #first: Place<T> | undefined
  #last: Place<T> | undefined

  get size(): number {
    return this.#size
  }

  get oldest(): T | undefined {
    return this.#first?.member
  }

  add(member: T): Place<T> {
    const place = new Place(member)
    place.before = this.#last
    if (this.#last === undefined) this.#first = place
    else this.#last.after = place
    this.#last = place
    this.#size++
    return place
  }

  /** False: it was removed before. */
  remove(place: Place<T>): boolean {
    if (place.member === undefined) return false
    const { before, after } = place
    if (before === undefined) this.#first = after
    else before.after = after
    if (after === undefined) this.#last = before
    else after.before = before
    // Nothing may lead from one that is gone to those who came after it.
    place.member = undefined
    place.before = undefined
    place.after = undefined
    this.#size--
    return true
  }

  /** The oldest one that passes. `test` may not remove any. */
  find(test: (member: T) => boolean): T | undefined {
    for (let place = this.#first; place !== undefined; place = place.after) {
      if (place.member !== undefined && test(place.member)) return place.member
    }
    return undefined
  }

  /** Those that are here now, in a list of its own: they may be removed while it is walked. */
  all(): T[] {
    const members: T[] = []
    for (let place = this.#first; place !== undefined; place = place.after) {
      if (place.member !== undefined) members.push(place.member)
    }
    return members
  }
}
