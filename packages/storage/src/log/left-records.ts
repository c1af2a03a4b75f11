/**
 * Others see what such records say. As each placement has 48 octets, it is far fewer UIDs than are skipped after power
 * failure.
 */
const mostBytes = 128 * 1024

/**
 * Records of parts of a larger work, whose sync is left to a later group. They lie behind one another in one file:
 * whoever syncs the next one syncs them all.
 */
export class LeftRecords {
  #bytes = 0

  /** There are some: in force, not on disk, and nobody was told that they are. */
  get areThere(): boolean {
    return this.#bytes > 0
  }

  /** Whether this one may be left, too; then it is. */
  leave(recordBytes: number): boolean {
    if (recordBytes === 0 || this.#bytes + recordBytes > mostBytes) return false
    this.#bytes += recordBytes
    return true
  }

  synced(): void {
    this.#bytes = 0
  }
}
