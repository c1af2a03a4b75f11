import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { StartError } from '../start-error.ts'

/** Certificates of authorities: a file with any number of them, and every file of a folder. undefined: none are named. Throws StartError. */
export function readAuthorities(
  parameter: 'smtp_tls' | 'smtpd_tls',
  file: string,
  folder: string,
): string | undefined {
  const texts: string[] = []
  if (file !== '') texts.push(readPem(file, `${parameter}_CAfile`))
  if (folder !== '') {
    for (const name of namesIn(folder, `${parameter}_CApath`)) {
      if (/\.(?:pem|crt|[0-9]+)$/.test(name)) texts.push(readPem(join(folder, name), `${parameter}_CApath`))
    }
  }
  return texts.length === 0 ? undefined : texts.join('\n')
}

/** The text of a PEM file that a parameter names. Throws StartError. */
export function readPem(file: string, parameter: string): string {
  return orStartError(() => readFileSync(file, 'utf8'), file, parameter)
}

function namesIn(folder: string, parameter: string): readonly string[] {
  return orStartError(() => readdirSync(folder), folder, parameter)
}

function orStartError<T>(read: () => T, path: string, parameter: string): T {
  try {
    return read()
  } catch (error) {
    throw new StartError(
      `Cannot read ${path} (${parameter})`,
      'correct the name or the permissions of the file',
      { cause: error },
    )
  }
}
