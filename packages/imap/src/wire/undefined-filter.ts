/** A filter that does not exist, or leads to itself: NO [UNDEFINED-FILTER name]. RFC 5466 §3.1. */
export class UndefinedFilter extends Error {
  /** Response code without its brackets. */
  readonly code: string

  constructor(name: string) {
    super('There is no such filter')
    this.name = 'UndefinedFilter'
    this.code = `UNDEFINED-FILTER ${name}`
  }
}

export function undefinedFilter(name: string): UndefinedFilter {
  return new UndefinedFilter(name)
}
