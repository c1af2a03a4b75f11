import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type RebuildReport, StoreError } from '../contract.ts'
import { writeCheckpoint } from '../journal/checkpoint.ts'
import { journalDirectory } from '../journal/journal-files.ts'
import { closeEnvironment, type Environment, openEnvironment } from '../kv/environment.ts'
import { GroupCommit } from '../kv/group-commit.ts'
import { keyOfText, tables } from '../kv/keys.ts'
import { clearLog, logDirectory } from '../log/log-files.ts'
import { readLogged } from '../log/redo.ts'
import { ownIdentity } from '../process-identity.ts'
import { ProcessMarkers } from '../recovery/process-markers.ts'
import { readSequence, writeSequence } from '../rows/sequence.ts'
import { type FileLayer, realFileLayer } from '../segments/file-layer.ts'
import type { DeliveryFacts } from '../segments/frame.ts'
import { textsName } from '../texts/text-record.ts'
import { indexName, segmentsName } from './backup.ts'
import { checkStore } from './check.ts'
import { deriveRows } from './derive-rows.ts'
import { type FoundSegments, findFrames } from './find-frames.ts'
import { mendFrames } from './mend-frames.ts'
import { mendHistory } from './mend-history.ts'
import { redeliver } from './redeliver.ts'
import { type Replayed, replayJournal } from './replay-journal.ts'

/** Rows written in one transaction. */
const sliceRows = 5_000

/**
 * A new index from segments and journal alone. The store must not be open ('in-use'). The former index is
 * kept beside the new one, which takes its place only when it is complete and checked.
 */
export const rebuildStore = (directory: string, nowMs: number): Promise<RebuildReport> =>
  rebuildStoreWith(realFileLayer, directory, nowMs)

export const rebuildStoreWith = async (
  files: FileLayer,
  directory: string,
  nowMs: number,
): Promise<RebuildReport> => {
  const markers = new ProcessMarkers(directory, files)
  if (markers.living().length > 0) {
    throw new StoreError('in-use', `Cannot rebuild the store in ${directory}: it is open`)
  }
  const building = join(directory, 'index.rebuild')
  for (const suffix of ['', '-lock']) rmSync(`${building}${suffix}`, { force: true })
  const environment = openEnvironment(building, 'synced')
  let report: RebuildReport
  try {
    report = await build({ environment, files, directory, nowMs })
  } finally {
    await closeEnvironment(environment)
  }
  swap(directory, building, nowMs)
  await files.syncDirectory(directory)
  clearLog(logDirectory(directory))
  return report
}

interface Building {
  readonly environment: Environment
  readonly files: FileLayer
  readonly directory: string
  readonly nowMs: number
}

const build = async ({ environment, files, directory, nowMs }: Building): Promise<RebuildReport> => {
  const segmentDirectory = join(directory, segmentsName)
  const place = { files, logDirectory: logDirectory(directory), segmentDirectory }
  const replayed = replayJournal(journalDirectory(directory), await readLogged(place))
  const found = await findFrames(files, segmentDirectory)
  const { marks } = replayed
  await mendFrames({ files, segmentDirectory, firstSegment: firstNewSegment(replayed, found), marks }, found)
  const commit = new GroupCommit(environment, [])
  const rows = [...replayed.rows]
  for (let from = 0; from < rows.length; from += sliceRows) {
    const slice = rows.slice(from, from + sliceRows)
    await commit.run((unit) => {
      for (const [key, value] of slice) unit.replace(Buffer.from(key, 'latin1'), value, undefined)
    })
  }
  await commit.run((unit) => {
    writeSequence(unit, 'journal', Math.max(readSequence(unit, 'journal'), replayed.lastSequence + 1))
  })
  const { history, gaps } = replayed
  const mended = history === 'whole' ? [] : await commit.run((unit) => mendHistory(unit, found, nowMs))
  const { lost, referenced } = await commit.run((unit) => deriveRows(unit, found))
  const { broughtBack, notes } = await redeliver({
    environment,
    commit,
    found,
    marks,
    referenced,
    history,
    nowMs,
  })
  const checked = await checkStore({ environment, files, segmentDirectory })
  if (checked.problems.length > 0) {
    throw new StoreError(
      'corrupt',
      `The rebuilt index is not right: ${checked.problems.slice(0, 3).join('; ')}`,
    )
  }
  // From here on the journal of before is history: it does not know what was repaired.
  await writeCheckpoint({
    environment,
    directory: journalDirectory(directory),
    files,
    self: ownIdentity(),
    // Its index is synced by each transaction.
    makeDurable: async () => {},
    activeOwners: new Set(),
    ownPath: undefined,
  })
  return {
    mailboxes: checked.mailboxes,
    messages: checked.messages,
    queueEntries: checked.queueEntries,
    redelivered: broughtBack.length,
    lost: [...lost, ...unnamed(found, replayed, referenced)],
    broughtBack,
    unknown: [...gaps, ...(history === 'whole' ? [] : consequences), ...mended, ...notes],
  }
}

const firstNewSegment = ({ rows }: Replayed, { segments }: FoundSegments): number => {
  const row = rows.get(keyOfText(tables.meta, 'next-segment').toString('latin1'))
  return Math.max(row === undefined || row.length < 4 ? 1 : row.readUInt32BE(0), ...segments.keys(), 0) + 1
}

/** What follows from a journal that does not tell everything. */
const consequences: readonly string[] = [
  'what was decided last may be missing: messages that were removed may be back, moved or flagged ones as before',
  'every mailbox has a new UIDVALIDITY: clients read it anew',
]

/** Damage that perhaps was a message: nothing says what, or that it had been removed. */
const unnamed = (
  { damaged, gaps, frames }: FoundSegments,
  { history, marks }: Replayed,
  referenced: ReadonlySet<number>,
): string[] => {
  const lines: string[] = []
  for (const [blobId, { segment, offset, header, facts }] of damaged) {
    // Of a copy by compaction the other one counts.
    const isDecided = history === 'whole' && (header.kind === 'moved' || offset < (marks.get(segment) ?? 0))
    if (isDecided || referenced.has(blobId) || frames.has(blobId)) continue
    const whose = facts === undefined ? '' : ` for ${recipientsIn(facts).join(', ')}`
    lines.push(
      `A message of ${header.bodyBytes} octets${whose} is damaged (segment ${segment}, at ${offset}); it may have been removed before`,
    )
  }
  if (history === 'whole') return lines
  for (const { segment, from, to } of gaps)
    lines.push(`Segment ${segment}: octets ${from} to ${to} are no message any more, and may have been some`)
  return lines
}

const recipientsIn = (facts: DeliveryFacts): string[] =>
  facts.kind === 'append' ? [facts.account] : facts.recipients.map(({ address }) => address)

const swap = (directory: string, building: string, nowMs: number): void => {
  const index = join(directory, indexName)
  if (existsSync(index)) renameSync(index, `${index}.before-rebuild-${Math.trunc(nowMs)}`)
  rmSync(`${index}-lock`, { force: true })
  renameSync(building, index)
  // Messages may have other numbers now; searches have them made anew.
  rmSync(join(directory, textsName), { recursive: true, force: true })
  rmSync(`${building}-lock`, { force: true })
}
