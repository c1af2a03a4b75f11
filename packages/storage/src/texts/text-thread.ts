import { readFileSync, readlinkSync } from 'node:fs'
import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import type { MakeListing } from '../contract.ts'
import { appendListings, compactListings, removeListings } from '../listings/listing-writer.ts'
import { FrameFolder, type FrameToFold } from './fold-frames.ts'
import { appendTexts, compactTexts, removeTexts } from './text-writer.ts'

/** The thread that makes texts: it alone decodes, folds and writes, at a low priority. */
export interface TextPlaces {
  readonly directory: string
  readonly segmentDirectory: string
  /** See `ListingMaker`. */
  readonly listing: { readonly module: string; readonly version: number } | undefined
}

export type TextTask =
  | { readonly kind: 'make'; readonly account: number; readonly frames: readonly FrameToFold[] }
  | {
      readonly kind: 'compact'
      readonly account: number
      /** Ids of messages, neighbours in their mailboxes together. */
      readonly living: Float64Array
      readonly texts: boolean
      readonly listings: boolean
    }
  | { readonly kind: 'remove'; readonly account: number }
  | { readonly kind: 'remove-listings'; readonly account: number }

/** With its processor time, and how long it waited for a processor; or `code` of a system error, such as ENOSPC. */
export type TextResult =
  | { readonly cpuMs: number; readonly waitedMs: number }
  | { readonly error: string; readonly code: string }

/**
 * A third of the weight of others. Not the lowest, a seventieth: this thread shares locks with the event loop (V8's queue of tasks
 * for its helpers, the port that messages come through, those of malloc). Where it stands still while it holds one, because other processes want
 * the processor, everybody waits until it has had its turn: 200 to 350 ms, where two of them were busy.
 */
const niceness = 5

/** Linux: a thread has a priority of its own, named by its thread id. */
const yieldToMail = (): void => {
  try {
    const thread = /task\/(\d+)$/.exec(readlinkSync('/proc/thread-self'))
    if (thread !== null) setPriority(Number(thread[1]), niceness)
  } catch {
    // Elsewhere it works at the priority of the process.
  }
}

/** So far: Linux. Elsewhere nobody knows, and it counts as long. */
const waitedMs = (): number => {
  try {
    const [, waitedNs] = readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')
    return Number(waitedNs) / 1e6
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

type Listings = { readonly make: MakeListing; readonly version: number } | undefined

const loadListings = async ({ listing }: TextPlaces): Promise<Listings> => {
  if (listing === undefined) return undefined
  const { makeListing } = (await import(listing.module)) as { readonly makeListing: MakeListing }
  return { make: makeListing, version: listing.version }
}

interface Tools {
  readonly directory: string
  readonly listings: Listings
  readonly folder: FrameFolder
}

const makeTools = async (places: TextPlaces): Promise<Tools> => {
  const { directory, segmentDirectory } = places
  const listings = await loadListings(places)
  return { directory, listings, folder: new FrameFolder(segmentDirectory, listings?.make) }
}

const run = ({ directory, listings, folder }: Tools, task: TextTask): void => {
  const { account } = task
  switch (task.kind) {
    case 'make': {
      const made = folder.fold(task.frames)
      if (made.texts.texts.length > 0) appendTexts(directory, account, made.texts)
      if (listings !== undefined) appendListings(directory, account, listings.version, made.listings)
      return
    }
    case 'compact':
      if (task.texts) compactTexts(directory, account, task.living)
      if (task.listings && listings !== undefined)
        compactListings(directory, account, listings.version, task.living)
      return
    case 'remove':
      removeTexts(directory, account)
      removeListings(directory, account)
      return
    case 'remove-listings':
      removeListings(directory, account)
      return
  }
}

if (parentPort !== null) {
  yieldToMail()
  const port = parentPort
  const tools = makeTools(workerData as TextPlaces)
  let seenMs = 0
  const cpuMs = (): number => {
    const { user, system } = process.threadCpuUsage()
    const before = seenMs
    seenMs = (user + system) / 1000
    return seenMs - before
  }
  port.on('message', async (task: TextTask) => {
    let result: TextResult
    try {
      const given = await tools
      const beforeMs = waitedMs()
      run(given, task)
      result = { cpuMs: cpuMs(), waitedMs: waitedMs() - beforeMs }
    } catch (error) {
      const { message, code = '' } = error as NodeJS.ErrnoException
      result = { error: message, code }
    }
    port.postMessage(result)
  })
}
