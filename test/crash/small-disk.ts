import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const run = (program: string, ...args: string[]): void => {
  execFileSync(program, args, { stdio: 'ignore' })
}

/** An ext4 of its own, in a file. */
export class SmallDisk {
  readonly #folder: string
  readonly path: string

  private constructor(folder: string) {
    this.#folder = folder
    this.path = join(folder, 'disk')
  }

  /** undefined where loop mounts are not permitted. */
  static mount(sizeMb: number): SmallDisk | undefined {
    const disk = new SmallDisk(mkdtempSync(join(tmpdir(), 'posthorn-disk-')))
    mkdirSync(disk.path)
    try {
      run('truncate', '-s', `${sizeMb}M`, disk.#image)
      run('mkfs.ext4', '-q', '-F', '-m', '0', disk.#image)
      disk.mountAgain()
      return disk
    } catch {
      rmSync(disk.#folder, { recursive: true, force: true })
      return undefined
    }
  }

  get #image(): string {
    return join(this.#folder, 'image')
  }

  mountAgain(): void {
    run('mount', '-o', 'loop,errors=remount-ro', this.#image, this.path)
  }

  unmount(): void {
    run('umount', '-l', this.path)
  }

  /** As a fault of the disk would: nothing can be written any more, and what was not synced is gone. */
  abort(): void {
    run('mount', '-o', 'remount,abort', this.path)
  }

  get roomBytes(): number {
    const { bavail, bsize } = statfsSync(this.path)
    return bavail * bsize
  }

  /** Takes all the room that is left, to the last block. */
  fill(): void {
    const file = openSync(join(this.path, 'ballast'), 'a')
    const block = Buffer.alloc(4096, 1)
    try {
      for (;;) writeSync(file, block)
    } catch {
      // That was the last one.
    } finally {
      closeSync(file)
    }
  }

  giveBack(): void {
    rmSync(join(this.path, 'ballast'), { force: true })
  }

  remove(): void {
    this.unmount()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
