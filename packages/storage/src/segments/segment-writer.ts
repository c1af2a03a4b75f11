import { setTimeout as delay } from 'node:timers/promises'
import { StoreError } from '../contract.ts'
import type { GroupCommit, GroupParticipant } from '../kv/group-commit.ts'
import { refusalOf } from '../kv/no-space.ts'
import type { Unit } from '../kv/unit.ts'
import type { LoggedFrame } from '../log/log-record.ts'
import type { ProcessIdentity } from '../process-identity.ts'
import type { FileLayer } from './file-layer.ts'
import { makeSegment, type OpenSegment } from './make-segment.ts'
import { segmentPath } from './segment-path.ts'
import { readSegmentRow, segmentKey, writeSegmentRow } from './segment-row.ts'
import { UnsettledFrames } from './unsettled-frames.ts'

/** Frames of a shared segment end before this. */
export const maxSegmentBytes = 64 * 1024 * 1024
/** A blob's id is the place of its first frame: segment × 2^26 + offset. Segment numbers are never reused. */
export const blobIdAt = (segment: number, offset: number): number => segment * maxSegmentBytes + offset

/** A frame on its way: written before its group's transaction, logged with it or synced beside the log. */
export interface PendingFrame {
  readonly segment: number
  readonly offset: number
  readonly sizeBytes: number
  state: 'waiting' | 'written' | StoreError
}

export interface SegmentEvents {
  /** What became of every frame before this offset is decided. */
  settled(segment: number, offset: number): void
  /** The octets from this offset on may be lost: removes what names them. */
  removeUnsynced(unit: Unit, segment: number, fromOffset: number): void
}

interface Taken {
  readonly frame: PendingFrame
  readonly chunks: readonly Uint8Array[]
}

/** Octets that are read and written again at once when a sync failed. */
const rewriteBytes = 1024 * 1024
/** A sync of the background may be under way. */
const sealTries = 20
const sealAgainMs = 20

interface Written extends LoggedFrame {
  readonly frame: PendingFrame
}

/**
 * Appends this process's frames to its own segment, with one write for a whole group. The log makes them
 * durable; the segment itself is synced in the background, or at once where the frames are too long for that.
 */
export class SegmentWriter implements GroupParticipant {
  readonly #directory: string
  readonly #files: FileLayer
  readonly #self: ProcessIdentity
  #commit: GroupCommit | undefined
  #current: OpenSegment | undefined
  #rolling: Promise<void> | undefined
  #taken: Taken[] = []
  #full: OpenSegment[] = []
  #sealed: OpenSegment[] = []
  readonly #unsettled = new UnsettledFrames()
  readonly #events: SegmentEvents
  /** Segments of which frames that nothing else holds could not be synced, and from which offset on. */
  #failed: { readonly open: OpenSegment; readonly fromBytes: number }[] = []
  /** Written, and in no committed record of the log yet. */
  #unlogged: Written[] = []

  constructor(directory: string, files: FileLayer, self: ProcessIdentity, events: SegmentEvents) {
    this.#directory = directory
    this.#files = files
    this.#self = self
    this.#events = events
  }

  get unloggedFrames(): readonly LoggedFrame[] {
    return this.#unlogged
  }

  /** They are in the log, or synced. */
  framesAreDurable(): void {
    this.#unlogged = []
  }

  attach(commit: GroupCommit): void {
    this.#commit = commit
  }

  /** True when a frame of that size can be appended now. */
  hasRoom(sizeBytes: number): boolean {
    return this.#current !== undefined && this.#current.lengthBytes + sizeBytes <= maxSegmentBytes
  }

  /** Opens the next segment. Callers check `hasRoom` again afterwards. */
  async makeRoom(): Promise<void> {
    this.#rolling ??= this.#roll().finally(() => {
      this.#rolling = undefined
    })
    await this.#rolling
  }

  /** Takes a frame in; `build` gets its place. The caller queues its unit in the same turn. */
  append(sizeBytes: number, build: (segment: number, offset: number) => readonly Uint8Array[]): PendingFrame {
    const current = this.#current
    if (current === undefined) throw new StoreError('closed', 'Cannot append: no open segment')
    const frame: PendingFrame = {
      segment: current.number,
      offset: current.lengthBytes,
      sizeBytes,
      state: 'waiting',
    }
    this.#taken.push({ frame, chunks: build(frame.segment, frame.offset) })
    this.#unsettled.add(frame)
    current.lengthBytes += sizeBytes
    return frame
  }

  /** The frame's unit is committed, or failed for good. */
  settle(frame: PendingFrame): void {
    // One that could not be written is not in the file, and its place is given to another.
    if (frame.state instanceof StoreError) return
    this.#events.settled(frame.segment, this.#unsettled.settle(frame))
  }

  beforeGroup(): void {
    const taken = this.#taken
    this.#taken = []
    let at = 0
    while (at < taken.length) {
      const { segment } = (taken[at] as Taken).frame
      let end = at
      while (end < taken.length && (taken[end] as Taken).frame.segment === segment) end++
      this.#write(taken.slice(at, end))
      at = end
    }
  }

  /** Makes durable what is in no log. What fails is to be taken back. */
  async syncFrames(): Promise<void> {
    const firsts = new Map<number, number>()
    for (const { segment, offset } of this.#unlogged) {
      if (!firsts.has(segment)) firsts.set(segment, offset)
    }
    for (const [segment, fromBytes] of firsts) {
      const open = this.#openSegments().find(({ number }) => number === segment)
      if (open === undefined) continue
      try {
        await this.#sync(open)
      } catch (error) {
        this.#failed.push({ open, fromBytes })
        throw error
      }
    }
  }

  /** Makes all frames durable that are written now. */
  async syncWritten(): Promise<void> {
    for (const open of this.#openSegments()) {
      if (open.syncedBytes === open.writtenBytes) continue
      try {
        await this.#sync(open)
      } catch {
        await this.#rewrite(open)
      }
    }
  }

  async #sync(open: OpenSegment): Promise<void> {
    const upTo = open.writtenBytes
    open.syncs++
    try {
      await this.#files.dataSync(open.file)
    } finally {
      open.syncs--
    }
    open.syncedBytes = Math.max(open.syncedBytes, Math.min(upTo, open.writtenBytes))
  }

  /**
   * After a failed sync the kernel takes the octets for written, and a second sync would lie; so they are
   * written again. (The log has them until this has gone well.)
   */
  async #rewrite(open: OpenSegment): Promise<void> {
    const upTo = open.writtenBytes
    for (let at = open.syncedBytes; at < upTo; at += rewriteBytes) {
      const bytes = Buffer.allocUnsafe(Math.min(rewriteBytes, upTo - at))
      if ((await this.#files.read(open.file, bytes, at)) < bytes.length)
        throw new Error('A segment is too short')
      await this.#files.write(open.file, [bytes], at)
    }
    await this.#sync(open)
  }

  #openSegments(): OpenSegment[] {
    return [...this.#full, this.#current].filter((open) => open !== undefined)
  }

  takeBackUnsynced(unit: Unit): void {
    for (const { open, fromBytes } of this.#failed) {
      this.#events.removeUnsynced(unit, open.number, fromBytes)
      this.#giveUp(open, fromBytes)
    }
    this.#failed = []
  }

  /** Nothing is appended to it any more, and what is on its way there is refused. */
  #giveUp(open: OpenSegment, fromBytes: number): void {
    const failure = new StoreError('read-only', 'Cannot write to a segment: the disk refused it')
    const isLost = ({ segment, offset }: PendingFrame): boolean =>
      segment === open.number && offset >= fromBytes
    for (const { frame } of [...this.#unlogged, ...this.#taken]) {
      if (!isLost(frame)) continue
      frame.state = failure
      this.#unsettled.drop(frame)
    }
    this.#unlogged = this.#unlogged.filter(({ frame }) => !isLost(frame))
    this.#taken = this.#taken.filter(({ frame }) => !isLost(frame))
    open.writtenBytes = fromBytes
    open.lengthBytes = fromBytes
    if (open !== this.#current) return
    this.#full.push(open)
    this.#current = undefined
  }

  insideGroup(unit: Unit): void {
    this.#sealed = []
    for (const open of [...this.#full, this.#current]) {
      if (open === undefined) continue
      const row = readSegmentRow(unit, open.number)
      if (row === undefined) continue
      const sealed = open !== this.#current && this.#mayBeSealed(open)
      if (sealed) this.#sealed.push(open)
      if (!sealed && row.syncedBytes === open.syncedBytes) continue
      const { isToBeSealed: _, ...rest } = row
      writeSegmentRow(unit, open.number, {
        ...(sealed ? rest : row),
        state: sealed ? 'sealed' : 'open',
        syncedBytes: open.syncedBytes,
        lengthBytes: open.writtenBytes,
      })
    }
  }

  afterGroup(): void {
    for (const open of this.#sealed) {
      this.#full = this.#full.filter((each) => each !== open)
      this.#files.close(open.file)
    }
    this.#sealed = []
  }

  /** Seals what this process has open. Call when no unit is queued. */
  close(): Promise<void> {
    return this.seal()
  }

  /** What is appended to. */
  get current(): Pick<OpenSegment, 'number' | 'writtenBytes'> | undefined {
    return this.#current
  }

  /** Appends no more to what is open. Frames that are not decided yet put the seal off until a later group. */
  async seal(): Promise<void> {
    if (this.#current !== undefined) this.#full.push(this.#current)
    this.#current = undefined
    for (let tries = 0; tries < sealTries && this.#full.length > 0; tries++) {
      if (tries > 0) await delay(sealAgainMs)
      await this.syncWritten()
      await this.#commit?.run(() => {})
    }
  }

  /** One that is sealed is closed, and removed when nothing names it. */
  #mayBeSealed(open: OpenSegment): boolean {
    const isSynced = open.syncedBytes === open.writtenBytes && open.syncs === 0
    return isSynced && !this.#unsettled.areIn(open.number)
  }

  #write(taken: readonly Taken[]): void {
    const first = (taken[0] as Taken).frame
    const open = [...this.#full, this.#current].find((each) => each?.number === first.segment) as OpenSegment
    try {
      const chunks = taken.flatMap((each) => each.chunks)
      this.#files.writeSync(open.file, chunks, first.offset)
      open.writtenBytes = open.lengthBytes
      for (const each of taken) {
        each.frame.state = 'written'
        const { segment, offset, sizeBytes } = each.frame
        this.#unlogged.push({ segment, offset, sizeBytes, ...each })
      }
    } catch (error) {
      const known = refusalOf(error)
      const failure =
        known instanceof StoreError
          ? known
          : new StoreError('read-only', 'Cannot write to a segment', { cause: error })
      for (const { frame } of taken) {
        frame.state = failure
        this.#unsettled.drop(frame)
      }
      open.lengthBytes = open.writtenBytes
      this.#cutTail(open)
    }
  }

  /** What a failed write left behind is no frame; offsets after it must not be used twice. */
  #cutTail(open: OpenSegment): void {
    try {
      this.#files.truncate(open.file, open.writtenBytes)
    } catch {
      if (open === this.#current) {
        this.#full.push(open)
        this.#current = undefined
      }
    }
  }

  async #roll(): Promise<void> {
    const next = await this.create('shared')
    if (this.#current !== undefined) this.#full.push(this.#current)
    this.#current = next
  }

  /** A 'single' segment whose message was given up. What is left of it goes at the next opening. */
  async drop(open: OpenSegment): Promise<void> {
    this.#files.close(open.file)
    this.#files.unlink(segmentPath(this.#directory, open.number))
    await this.#commit?.runFreeing((unit) => unit.remove(segmentKey(open.number))).catch(() => {})
  }

  /** A new segment file with its row; the name is durable. */
  create(shape: 'shared' | 'single'): Promise<OpenSegment> {
    const place = { files: this.#files, directory: this.#directory, owner: this.#self.token }
    return makeSegment(place, this.#commit as GroupCommit, shape)
  }
}
