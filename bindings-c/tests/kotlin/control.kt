// The control plane on the JVM, by UniFFI's Kotlin: control <folder>. Its rows, an address, are read by Arrow's Java.

import com.fasterxml.jackson.databind.JsonNode
import com.fasterxml.jackson.databind.ObjectMapper
import java.io.File
import java.math.BigDecimal
import java.util.concurrent.CountDownLatch
import kotlin.concurrent.thread
import org.apache.arrow.c.ArrowArrayStream
import org.apache.arrow.c.Data
import org.apache.arrow.memory.RootAllocator
import org.apache.arrow.vector.DecimalVector
import uniffi.datasus_c.DatasusClient
import uniffi.datasus_c.DatasusException
import uniffi.datasus_c.releaseStream

fun json(text: String): JsonNode = ObjectMapper().readTree(text)

fun check(said: Boolean, what: () -> String) {
    if (!said) throw AssertionError("not so: ${what()}")
}

fun refusal(call: () -> Any?): DatasusException.Failed {
    try {
        call()
    } catch (error: DatasusException.Failed) {
        return error
    }
    throw AssertionError("it is no error")
}

fun main(arguments: Array<String>) {
    val folder = arguments[0]
    val query = """{"dataset": "SIH-RD", "columns": ["N_AIH", "VAL_TOT"]}"""
    DatasusClient(folder, """{"output": "$folder/kotlin", "language": "en"}""").use { client ->
        check(json(client.validate(query)).has("files")) { "a query that is right is explained" }
        val wrong = refusal { client.validate("""{"dataset": "SIH-RX"}""") }
        check(wrong.code == "DS-404" && !wrong.retryable) { "with its code" }
        check(json(wrong.json)["trace_id"].asText() == wrong.traceId) { "and its trace" }

        val rows = client.submit(query, """[{"csv": {"path": "kotlin.csv"}}]""").use { job ->
            val report = json(job.report())
            check(job.status() == "completed" && report["job_id"].asText() == job.id()) { "a job ends with its report" }
            check(job.progress().rows.toLong() == report["records_processed"].asLong()) { "and its progress" }
            report["records_processed"].asInt()
        }
        val written = File("$folder/kotlin/kotlin.csv").readLines()
        check(written.size == rows + 1) { "whose rows are in the file" }

        val long = """{"sql": "SELECT sum(a.range * b.range) AS n FROM range(10000000) a, range(10000000) b"}"""
        client.submit(long, """[{"csv": {"path": "long.csv"}}]""").use { job ->
            check(job.wait(50u) == null) { "a wait that is too short gives nothing" }
            // Another thread waits for the report while this one cancels.
            val (waits, seen) = CountDownLatch(1) to arrayOfNulls<DatasusException.Failed>(1)
            val waiter = thread { waits.countDown(); seen[0] = refusal { job.report() } }
            waits.await()
            job.cancel()
            waiter.join(30_000)
            check(seen[0]?.code == "DS-499") { "DS-499, not ${seen[0]?.code}" }
        }

        val address = client.query(query)
        var (read, sum) = 0 to BigDecimal.ZERO
        RootAllocator().use { allocator ->
            // Arrow's Java moves the stream out of the struct, which is given back after that.
            val reader = Data.importArrayStream(allocator, ArrowArrayStream.wrap(address.toLong()))
            reader.use {
                val money = reader.vectorSchemaRoot.getVector("VAL_TOT") as DecimalVector
                while (reader.loadNextBatch()) {
                    read += reader.vectorSchemaRoot.rowCount
                    for (row in 0 until money.valueCount) sum += money.getObject(row)
                }
            }
        }
        check(releaseStream(address) && !releaseStream(address)) { "an address is given back once" }
        val inFile = written.drop(1).sumOf { BigDecimal(it.substringAfter(',')) }
        check(read == rows && sum.compareTo(inFile) == 0) { "$read rows of $sum where the file has $rows of $inFile" }
        check("# TYPE datasus_" in client.metrics()) { "metrics" }
    }
    println("ok kotlin")
}
