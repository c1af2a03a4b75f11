/** How old the mail of each domain is. Postfix: qshape(1). */
export interface AgeOptions {
  /** Minutes of the first bucket. */
  readonly bucketMinutes: number
  readonly buckets: number
  /** Each bucket ends at twice the age of the one before, or a bucket's time later. */
  readonly ages: 'doubling' | 'linear'
  readonly parents: 'counted' | 'left out'
  /** A parent domain is shown with so many below it. */
  readonly minSubdomains: number
  /** Columns. */
  readonly width: number
  /** Rows; 0 = all. */
  readonly top: number
}

const minDomainWidth = 18
const total = 'TOTAL'

/** Counts addresses by domain and age; its text has a column for each age. */
export class AgeTable {
  readonly #options: AgeOptions
  readonly #nowMs: number
  /** By domain: the sum, then each bucket. */
  readonly #counts = new Map<string, number[]>()
  readonly #subdomains = new Map<string, number>()

  constructor(options: AgeOptions, nowMs: number) {
    this.#options = options
    this.#nowMs = nowMs
    this.#of(total)
  }

  /** @param address '' is MAILER-DAEMON */
  add(address: string, arrivedMs: number): void {
    const bucket = this.#bucket(arrivedMs)
    this.#count(total, bucket)
    let domain = domainOf(address)
    let isNew: boolean
    let isParent = false
    do {
      const before = this.#of(domain)[0] ?? 0
      this.#count(domain, bucket)
      if (isParent) this.#subdomains.set(domain, (this.#subdomains.get(domain) ?? 0) + 1)
      isNew = before === 0
      isParent = isNew
      const parent = this.#options.parents === 'counted' ? parentOf(domain) : undefined
      if (parent === undefined) return
      domain = parent
    } while (domain !== '')
  }

  text(): string {
    const { buckets, top, minSubdomains } = this.#options
    const heads = this.#heads()
    const sums = this.#of(total)
    const widths = heads.map((head, i) => {
      const widest = Math.max(head.length, String(sums[i] ?? 0).length)
      return widest > 2 ? widest + 1 : 3
    })
    const room = this.#options.width - widths.reduce((sum, one) => sum + one, 0)
    const domainWidth = Math.max(room, minDomainWidth)
    const line = (name: string, cells: readonly string[]): string =>
      `${fitted(name, domainWidth)}${cells.map((cell, i) => cell.padStart(widths[i] ?? 3)).join('')}\n`
    const rows = [...this.#counts]
      .toSorted(([a, [m = 0]], [b, [n = 0]]) => n - m || a.length - b.length || (a < b ? -1 : 1))
      .filter(([name]) => !name.startsWith('.') || (this.#subdomains.get(name) ?? 0) >= minSubdomains)
    const shown = top > 0 ? rows.slice(0, top) : rows
    const cells = (counts: readonly number[]) =>
      Array.from({ length: buckets + 1 }, (_, i) => String(counts[i] ?? 0))
    return [line('', heads), ...shown.map(([name, counts]) => line(name, cells(counts)))].join('')
  }

  #heads(): readonly string[] {
    const { buckets, bucketMinutes, ages } = this.#options
    const heads = ['T']
    let minutes = 0
    for (let i = 1; i <= buckets; i++) {
      const isLast = i === buckets
      if (!isLast) minutes += minutes > 0 && ages === 'doubling' ? minutes : bucketMinutes
      heads.push(isLast ? `${minutes}+` : String(minutes))
    }
    return heads
  }

  #bucket(arrivedMs: number): number {
    const { buckets, bucketMinutes, ages } = this.#options
    const age = (Math.floor(this.#nowMs / 1000) - Math.floor(arrivedMs / 1000)) / (60 * bucketMinutes)
    if (age < 1) return 1
    const bucket = ages === 'linear' ? Math.floor(age + 1) : 2 + Math.floor(Math.log(age) / Math.log(2))
    return Math.min(bucket, buckets)
  }

  #of(name: string): number[] {
    const found = this.#counts.get(name)
    if (found !== undefined) return found
    const made: number[] = []
    this.#counts.set(name, made)
    return made
  }

  #count(name: string, bucket: number): void {
    const counts = this.#of(name)
    counts[0] = (counts[0] ?? 0) + 1
    counts[bucket] = (counts[bucket] ?? 0) + 1
  }
}

function domainOf(address: string): string {
  if (address === '') return 'MAILER-DAEMON'
  const domain = address.toLowerCase().slice(address.lastIndexOf('@') + 1)
  return domain.replaceAll('..', '.').replace(/^\./, '').replace(/\.$/, '')
}

/** `.example.com` of `a.example.com` and of `.b.example.com`; undefined: it would be a top level domain. */
function parentOf(domain: string): string | undefined {
  const name = domain.startsWith('.') ? domain.slice(1) : domain
  const parent = name.slice(name.indexOf('.') + 1)
  return name.includes('.') && parent.includes('.') ? `.${parent}` : undefined
}

function fitted(name: string, width: number): string {
  if (name.length <= width) return name.padStart(width)
  return name.startsWith('.') ? `.+${name.slice(2 - width)}` : `+${name.slice(1 - width)}`
}
