# The control plane in Ruby, by UniFFI: control.rb <folder>. Its rows are an address.
require 'datasus_c'
require 'json'

def check(said, what)
  raise "not so: #{what}" unless said
end

folder = ARGV.fetch(0)
query = JSON.generate(dataset: 'SIH-RD', columns: %w[N_AIH VAL_TOT])
client = DatasusC::DatasusClient.new(folder, JSON.generate(output: "#{folder}/ruby", language: 'en'))
check JSON.parse(client.validate(query)).key?('files'), 'a query that is right is explained'

begin
  client.validate('{"dataset": "SIH-RX"}')
  check false, 'a wrong query is an error'
rescue DatasusC::DatasusError::Failed => error
  check [error.code, error.retryable] == ['DS-404', false] && error.detail.include?('SIH-RX'), 'with its code and sentence'
  check JSON.parse(error.json)['trace_id'] == error.trace_id, 'and its trace'
end

job = client.submit(query, '[{"csv": {"path": "ruby.csv"}}]')
report = JSON.parse(job.report)
check [job.status, report['status'], report['job_id']] == ['completed', 'completed', job.id], 'a job ends with its report'
check job.progress.rows == report['records_processed'], 'and its progress says how many rows'
check File.readlines("#{folder}/ruby/ruby.csv").size == report['records_processed'] + 1, 'which are in the file'

long = '{"sql": "SELECT sum(a.range * b.range) AS n FROM range(10000000) a, range(10000000) b"}'
job = client.submit(long, '[{"csv": {"path": "long.csv"}}]')
check job.wait(50).nil?, 'a wait that is too short gives nothing'
job.cancel
begin
  job.report
  check false, 'a cancelled job is an error'
rescue DatasusC::DatasusError::Failed => error
  check error.code == 'DS-499', 'DS-499'
end

address = client.query(query)
check address.positive? && DatasusC.release_stream(address) && !DatasusC.release_stream(address), 'rows are an address, once'
check client.metrics.include?('# TYPE datasus_'), 'metrics'
puts 'ok ruby'
