import { readlinkSync } from 'node:fs'
import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { type FrameToFold, foldFrames } from './fold-frames.ts'
import { appendTexts, compactTexts, removeTexts } from './text-writer.ts'

/** The thread that makes texts: it alone decodes, folds and writes, at the lowest priority. */
export interface TextPlaces {
  readonly directory: string
  readonly segmentDirectory: string
}

export type TextTask =
  | { readonly kind: 'make'; readonly account: number; readonly frames: readonly FrameToFold[] }
  | { readonly kind: 'compact'; readonly account: number; readonly living: Float64Array }
  | { readonly kind: 'remove'; readonly account: number }

/** `code` of a system error, such as ENOSPC. */
export type TextResult = { readonly made: number } | { readonly error: string; readonly code: string }

/** Linux: a thread has a priority of its own, named by its thread id. */
const yieldToMail = (): void => {
  try {
    const thread = /task\/(\d+)$/.exec(readlinkSync('/proc/thread-self'))
    if (thread !== null) setPriority(Number(thread[1]), 19)
  } catch {
    // Elsewhere it works at the priority of the process.
  }
}

const run = ({ directory, segmentDirectory }: TextPlaces, task: TextTask): number => {
  if (task.kind === 'remove') removeTexts(directory, task.account)
  else if (task.kind === 'compact') compactTexts(directory, task.account, task.living)
  else {
    const made = foldFrames(segmentDirectory, task.frames)
    if (made.length > 0) appendTexts(directory, task.account, made)
    return made.length
  }
  return 0
}

if (parentPort !== null) {
  yieldToMail()
  const port = parentPort
  port.on('message', (task: TextTask) => {
    let result: TextResult
    try {
      result = { made: run(workerData as TextPlaces, task) }
    } catch (error) {
      const { message, code = '' } = error as NodeJS.ErrnoException
      result = { error: message, code }
    }
    port.postMessage(result)
  })
}
