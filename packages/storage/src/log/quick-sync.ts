import type { FileLayer } from '../segments/file-layer.ts'

/** A sync on the event loop that takes longer than this belongs on another thread … */
const slowMs = 1
/** … and so do this many after it. */
const patientSyncs = 32
/** Where units come together, the event loop takes in the next ones meanwhile: so many groups long. */
const crowdedSyncs = 8

/**
 * A disk that syncs in a tenth of a millisecond does so before another thread could be asked for it. What is
 * slower, or may be because much is being written, is left to a thread.
 */
export class QuickSync {
  readonly #files: FileLayer
  readonly #isBusy: () => boolean
  #patient = 0
  #crowded = 0

  constructor(files: FileLayer, isBusy: () => boolean) {
    this.#files = files
    this.#isBusy = isBusy
  }

  /** @param units how many wait for it */
  sync(file: number, units: number): Promise<void> | undefined {
    this.#crowded = units > 1 ? crowdedSyncs : Math.max(0, this.#crowded - 1)
    if (this.#patient > 0) this.#patient--
    else if (this.#crowded === 0 && !this.#isBusy()) return this.#syncNow(file)
    return this.#files.dataSync(file)
  }

  #syncNow(file: number): undefined {
    const beganMs = performance.now()
    this.#files.dataSyncNow(file)
    if (performance.now() - beganMs > slowMs) this.#patient = patientSyncs
  }
}
