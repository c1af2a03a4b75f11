import { join } from 'node:path'
import { TextMaker, type TextMakerParts } from './text-maker.ts'
import { textsName } from './text-record.ts'
import { TextShelf } from './text-shelf.ts'

/** The folded texts beside a store: what searches read, and what makes it. */
export class KeptTexts {
  readonly shelf: TextShelf
  readonly #maker: TextMaker

  constructor(storeDirectory: string, parts: Omit<TextMakerParts, 'shelf'>) {
    this.shelf = new TextShelf(join(storeDirectory, textsName))
    this.#maker = new TextMaker({ ...parts, shelf: this.shelf })
    this.#maker.start()
  }

  /** A search found messages of this mailbox without text. */
  missed(mailbox: number): void {
    this.#maker.missed(mailbox)
  }

  makeAll(): Promise<void> {
    return this.#maker.makeAll()
  }

  async close(): Promise<void> {
    await this.#maker.stop()
    this.shelf.close()
  }
}
