import * as fs from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { TextsReport } from '../contract.ts'
import { listingPath } from '../listings/listing-file.ts'
import { ListingIndex } from '../listings/listing-index.ts'
import { TextGeneration } from './text-generation.ts'
import { indexPath } from './text-record.ts'
import { textAccounts } from './text-sweep.ts'
import { readGeneration } from './text-writer.ts'

/** Reads every kept text and listing. What is damaged harms no search: it is made again, or searched in the message. */
export const checkTexts = async (directory: string): Promise<TextsReport> => {
  const report = { messages: 0, sizeBytes: 0, damaged: 0 }
  if (!fs.existsSync(directory)) return report
  for (const account of await textAccounts(directory)) {
    await checkListings(directory, account, report)
    if (!fs.existsSync(indexPath(directory, account))) continue
    const texts = openTexts(directory, account)
    if (texts === undefined) {
      // Those of another version are made anew.
      if (readGeneration(directory, account, 'any') === undefined) report.damaged++
      continue
    }
    try {
      await checkGeneration(texts, report)
    } finally {
      texts.release()
    }
  }
  return report
}

const checkListings = async (
  directory: string,
  account: number,
  report: { sizeBytes: number; damaged: number },
): Promise<void> => {
  const path = listingPath(directory, account)
  const index = ListingIndex.open(path, 'any')
  if (index === undefined) return
  try {
    await index.extend(fs.statSync(path).size)
    if (index.isDamaged) report.damaged++
    for (const { sizeBytes, damaged } of index.checkAll()) {
      report.sizeBytes += sizeBytes
      report.damaged += damaged
      await nextTurn()
    }
  } finally {
    index.release()
  }
}

const openTexts = (directory: string, account: number): TextGeneration | undefined => {
  try {
    const texts = new TextGeneration(directory, account)
    texts.isCurrent(fs.statSync(indexPath(directory, account)))
    return texts
  } catch {
    return undefined
  }
}

const checkGeneration = async (
  texts: TextGeneration,
  report: { messages: number; sizeBytes: number; damaged: number },
): Promise<void> => {
  const all = Int32Array.from({ length: texts.count }, (_, record) => record)
  const damaged = new Set<number>()
  for (const file of ['head', 'body'] as const) {
    const { starts, ends } = texts.placesIn(file)
    for (const record of texts.inOrder(all, file)) {
      const start = starts[record] as number
      const bytes = Buffer.allocUnsafe((ends[record] as number) - start)
      const filled = fs.readSync(texts.fileOf(file), bytes, 0, bytes.length, start)
      if (!texts.test(record, bytes.subarray(0, filled), file)) damaged.add(record)
      report.sizeBytes += filled
      if (record % 200 === 199) await nextTurn()
    }
  }
  report.messages += texts.count
  report.damaged += damaged.size
}
