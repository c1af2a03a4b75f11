import { constants, copyFileSync, cpSync, existsSync, lchownSync, lstatSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { restoreStore } from '@posthorn/storage'
import type { Config } from '../../config/config.ts'
import { masterCfFile } from '../../config/load-config.ts'
import { locateMainCf, type MainCfPlace } from '../../config/locate.ts'
import { parameters } from '../../config/schema/schema.ts'
import { makeFolders } from '../../make-folders.ts'
import { giveDataFolder, mailOwner } from '../../start/mail-owner.ts'
import { keyFiles } from '../../tls/server-certificates.ts'
import { serverStatus } from '../server-control.ts'
import { CommandError } from '../shell.ts'
import { becomeOwner, locateSite, withSite } from '../site.ts'
import { readableSize } from './columns.ts'
import type { CommandContext } from './context.ts'
import { makeTarget, orCommandError, refuseClosed } from './target-folder.ts'

/** In the folder of a backup: `store`, `main.cf`, `tls`, `secrets`, and `tables` with the files that main.cf names. */
const parts = {
  store: 'store',
  mainCf: 'main.cf',
  masterCf: 'master.cf',
  tls: 'tls',
  secrets: 'secrets',
  tables: 'tables',
} as const

/** Made at their first use, in the data folder: reports to rewritten senders, and salts of SCRAM, depend on them. */
const secretFiles = ['srs.secret', 'scram.secret'] as const

/** Everything that is needed to be this site again. */
export async function backUp({ shell, site }: CommandContext, to: string): Promise<void> {
  const target = resolve(to)
  const { config, folder } = locateSite(shell, site())
  const rootsFiles = prepareTarget(target, folder.path, config)
  await withSite(shell, site(), async ({ store }) => {
    refuseClosed(target)
    await store.flushJournal()
    const report = await store.backup(join(target, parts.store))
    const count = rootsFiles + copySettings(config, target)
    shell.out(
      `${target}: ${report.segments} segments, ${readableSize(report.sizeBytes)}, and ${count} files of the configuration\n`,
    )
  })
}

/** A new folder, with what root alone may read in it already. Gives the number of those files. */
function prepareTarget(target: string, dataFolder: string, config: Config): number {
  let count = 0
  makeTarget(target, dataFolder, () => {
    const files = settingFiles(config).filter(([file]) => isRootsOwn(file))
    for (const [file, name] of files) copyInto(target, file, name)
    count = files.length
  })
  return count
}

/** Not one that somebody else put where root would follow. */
function isRootsOwn(file: string): boolean {
  const stats = lstatSync(file)
  return stats.isFile() && stats.uid === 0 && stats.nlink === 1
}

function copyInto(target: string, file: string, name: string): void {
  const place = join(target, name)
  makeFolders(dirname(place), 0o700)
  orCommandError(`${file} cannot be copied, the backup is not complete`, () => copyFileSync(file, place))
}

/** Beside the data folder: the file, and where it is in a backup. */
function settingFiles(config: Config): readonly (readonly [file: string, name: string])[] {
  const masterCf = masterCfFile(config)
  return [
    ...(existsSync(config.file) ? [[config.file, parts.mainCf] as const] : []),
    ...(existsSync(masterCf) ? [[masterCf, parts.masterCf] as const] : []),
    ...tableFiles(config).map((file) => [file, join(parts.tables, file)] as const),
  ]
}

/** Those that are not there yet. Gives their number. */
function copySettings(config: Config, target: string): number {
  const copied: string[] = []
  for (const [file, name] of settingFiles(config)) {
    if (existsSync(join(target, name))) continue
    copyInto(target, file, name)
    copied.push(file)
  }
  const tls = join(config.values.data_directory, 'tls')
  if (existsSync(tls)) {
    cpSync(tls, join(target, parts.tls), { recursive: true })
    copied.push(tls)
  }
  for (const name of secretFiles) {
    const file = join(config.values.data_directory, name)
    if (!existsSync(file)) continue
    copyInto(target, file, join(parts.secrets, name))
    copied.push(file)
  }
  return copied.length
}

/** Folders, and the log: with `/dev/stdout` among its places it may be any file that the output of a command goes to. */
const otherPlaces: ReadonlySet<string> = new Set([
  'data_directory',
  'config_directory',
  'maillog_file',
  'maillog_file_prefixes',
  'log_json_file',
])

/** Files of tables and lists, certificates and keys: whatever main.cf names by a path. */
export function tableFiles(config: Config): readonly string[] {
  const files = new Set(
    keyFiles(config).filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile()),
  )
  for (const [name, { type }] of parameters) {
    const value: unknown = config.values[name as keyof Config['values']]
    const words = Array.isArray(value)
      ? value.map(String)
      : type === 'file' && typeof value === 'string'
        ? [value]
        : []
    if (otherPlaces.has(name)) continue
    for (const word of words) {
      const path = word.replace(/^(?:[a-z-]+:)+(?=\/)/, '')
      if (path.startsWith('/') && statSync(path, { throwIfNoEntry: false })?.isFile()) files.add(path)
    }
  }
  return [...files]
}

const restored = (file: string): string => `${file}: restored\n`

/** `--config FILE` for a new machine: what it says of owner and folders counts from now on. */
function restoreConfiguration(source: string, { file, folder, named }: MainCfPlace): readonly string[] {
  if (!named || existsSync(file) || !existsSync(join(source, parts.mainCf))) return []
  return orCommandError(`cannot make ${file}`, () => {
    makeFolders(folder, 0o755)
    const said: string[] = []
    for (const [name, place] of [
      [parts.mainCf, file],
      [parts.masterCf, join(folder, 'master.cf')],
    ] as const) {
      if (!existsSync(join(source, name))) continue
      copyFileSync(join(source, name), place, constants.COPYFILE_EXCL)
      // The copy has the owner of what it was copied from.
      lchownSync(place, process.geteuid?.() ?? 0, process.getegid?.() ?? 0)
      said.push(restored(place))
    }
    return said
  })
}

/** The store, and main.cf and keys where there are none; files outside the data folder are only named. */
export async function restore({ shell, site }: CommandContext, from: string): Promise<void> {
  const source = resolve(from)
  if (!existsSync(join(source, parts.store))) throw new CommandError(`${source} holds no backup`)
  const said = restoreConfiguration(source, locateMainCf(site().config, shell.environment))
  if ((await serverStatus(shell, site())) !== undefined)
    throw new CommandError('stop the server first: posthorn stop')
  const { config, folder } = locateSite(shell, site())
  const made = makeFolders(folder.path, 0o711)
  if (made === 'made') giveDataFolder(folder.path, mailOwner(config), 'new')
  becomeOwner(folder.path)
  refuseClosed(join(source, parts.store), constants.R_OK | constants.X_OK)
  for (const text of said) shell.out(text)
  await restoreStore(join(source, parts.store), folder.storeFolder)
  shell.out(`${folder.storeFolder}: restored\n`)
  for (const [name, file] of [
    [parts.mainCf, config.file],
    [parts.masterCf, masterCfFile(config)],
  ] as const) {
    const kept = join(source, name)
    if (!existsSync(kept) || said.includes(restored(file))) continue
    if (existsSync(file)) shell.out(`${file} stays as it is; the one of the backup is ${kept}\n`)
    else {
      copyFileSync(kept, file, constants.COPYFILE_EXCL)
      shell.out(restored(file))
    }
  }
  const tls = join(folder.path, basename(parts.tls))
  if (existsSync(join(source, parts.tls)) && !existsSync(tls)) {
    cpSync(join(source, parts.tls), tls, { recursive: true })
    shell.out(`${tls}: restored\n`)
  }
  for (const name of secretFiles) {
    const [kept, file] = [join(source, parts.secrets, name), join(folder.path, name)]
    if (!existsSync(kept) || existsSync(file)) continue
    copyFileSync(kept, file, constants.COPYFILE_EXCL)
    shell.out(`${file}: restored\n`)
  }
  if (existsSync(join(source, parts.tables)))
    shell.out(`tables are in ${join(source, parts.tables)}: copy back what is missing\n`)
}
