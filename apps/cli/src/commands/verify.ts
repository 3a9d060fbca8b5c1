/**
 * `tsink verify`: reads every stored byte of a data folder and checks every invariant.
 */
import { Exit } from '../failure.ts'
import { openFolder } from '../open-folder.ts'

export async function verify(folder: string, { quarantine }: { readonly quarantine: boolean }): Promise<void> {
  const engine = await openFolder(folder)
  try {
    const { segments, chunks, samples, sizeBytes, problems } = await engine.verify({ quarantine })
    for (const { file, message } of problems) process.stdout.write(`${file}: ${message}\n`)
    process.stdout.write(
      `${segments} segments, ${chunks} chunks, ${samples} samples, ${sizeBytes} bytes read: ${problems.length} problems\n`,
    )
    if (problems.length > 0) throw new Exit(1)
  } finally {
    await engine.close()
  }
}
