import type { FileLayer } from '../segments/file-layer.ts'

/** A sync on the event loop that takes longer than this belongs on another thread … */
const slowMs = 1
/** … and so do this many after it. */
const patientSyncs = 100

/**
 * A disk that syncs in a tenth of a millisecond does so before another thread could be asked for it. What is
 * slower, or may be because much is being written, is left to a thread.
 */
export class QuickSync {
  readonly #files: FileLayer
  readonly #isBusy: () => boolean
  #patient = 0

  constructor(files: FileLayer, isBusy: () => boolean) {
    this.#files = files
    this.#isBusy = isBusy
  }

  sync(file: number): Promise<void> | undefined {
    if (this.#patient > 0 || this.#isBusy()) {
      this.#patient--
      return this.#files.dataSync(file)
    }
    const beganMs = performance.now()
    this.#files.dataSyncNow(file)
    this.#patient = performance.now() - beganMs > slowMs ? patientSyncs : 0
    return undefined
  }
}
