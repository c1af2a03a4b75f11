import { join } from 'node:path'
import type { ListingMaker } from '../contract.ts'
import { ListingShelf } from '../listings/listing-shelf.ts'
import { TextMaker, type TextMakerParts } from './text-maker.ts'
import { textsName } from './text-record.ts'
import { TextShelf } from './text-shelf.ts'

const tidyMs = 60_000

/** The folded texts and the listings beside a store: what searches and lists read, and what makes it. */
export class KeptTexts {
  readonly shelf: TextShelf
  /** undefined: nobody makes any. */
  readonly listings: ListingShelf | undefined
  readonly #maker: TextMaker
  readonly #tidying: NodeJS.Timeout

  constructor(
    storeDirectory: string,
    parts: Omit<TextMakerParts, 'shelf' | 'listings'>,
    maker: ListingMaker | undefined,
  ) {
    const directory = join(storeDirectory, textsName)
    this.shelf = new TextShelf(directory)
    this.listings = maker && new ListingShelf(directory, maker.version)
    const listings = maker && this.listings && { shelf: this.listings, maker }
    this.#maker = new TextMaker({ ...parts, shelf: this.shelf, listings })
    this.#maker.start()
    this.#tidying = setInterval(() => this.dropReplaced(), tidyMs)
    this.#tidying.unref()
  }

  /** Somebody found messages of this mailbox without text or listing. */
  missed(mailbox: number): void {
    this.#maker.missed(mailbox)
  }

  makeAll(): Promise<void> {
    return this.#maker.makeAll()
  }

  /** Of accounts that nobody asks for any more, and whose files another process has replaced. */
  dropReplaced(): void {
    this.shelf.dropReplaced()
    this.listings?.dropReplaced()
  }

  async close(): Promise<void> {
    clearInterval(this.#tidying)
    await this.#maker.stop()
    this.shelf.close()
    this.listings?.close()
  }
}
