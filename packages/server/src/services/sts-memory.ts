import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { Log } from '@posthorn/mail'
import type { StsMemory, StsPolicy } from '@posthorn/mta'

/** MTA-STS policies of other domains in a file of the data folder: `mta-sts.json`. RFC 8461 §10.2. */
export function stsMemory(file: string, log: Log): StsMemory {
  return {
    load() {
      try {
        const text = readFileSync(file, 'utf8')
        return new Map(Object.entries(JSON.parse(text) as Record<string, StsPolicy>))
      } catch (error) {
        if ((error as { code?: string }).code !== 'ENOENT')
          log({ level: 'warning', service: 'smtp', text: `Cannot read ${file}`, error })
        return new Map()
      }
    },
    save(policies) {
      // Several workers write the same file: each whole, the last one stays; what is lost is fetched again.
      const temporary = `${file}.${process.pid}`
      try {
        writeFileSync(temporary, JSON.stringify(Object.fromEntries(policies)), { mode: 0o600 })
        renameSync(temporary, file)
      } catch (error) {
        log({ level: 'warning', service: 'smtp', text: `Cannot write ${file}`, error })
      }
    },
  }
}
