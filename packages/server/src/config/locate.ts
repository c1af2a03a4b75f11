import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { systemConfigFolder } from './computed.ts'

export interface MainCfPlace {
  readonly file: string
  readonly folder: string
  /** Named by somebody, so it must exist. */
  readonly named: boolean
}

/**
 * Where main.cf is: `--config FILE` (or a folder), else POSTHORN_CONFIG, else MAIL_CONFIG (Postfix's name), else
 * /etc/posthorn/main.cf when it exists, else main.cf in the data folder (POSTHORN_DATA_DIRECTORY, or ./data).
 */
export function locateMainCf(
  option: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  exists: (file: string) => boolean = existsSync,
): MainCfPlace {
  const named = option ?? (environment['POSTHORN_CONFIG'] || environment['MAIL_CONFIG'] || undefined)
  if (named !== undefined) {
    const path = resolve(named)
    return place(path.endsWith('.cf') ? path : join(path, 'main.cf'), true)
  }
  const systemFile = join(systemConfigFolder, 'main.cf')
  if (exists(systemFile)) return place(systemFile, false)
  const dataFolder = environment['POSTHORN_DATA_DIRECTORY']?.trim() ?? ''
  return place(resolve(dataFolder === '' ? 'data' : dataFolder, 'main.cf'), false)
}

function place(file: string, named: boolean): MainCfPlace {
  return { file, folder: dirname(file), named }
}
