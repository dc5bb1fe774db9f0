"""The docstrings of the front doors in Portuguese, by name.

A test compares each with the English one: the same parameters, exceptions and examples.
"""

TEXTOS: dict[str, str] = {
    "datasus": """
    Os registros públicos de saúde do Brasil (DATASUS), dos arquivos do ministério até o seu data frame.

    ``datasus.ajuda("query")`` mostra em português como se consulta; também há ``open``, ``Client``, ``submit``, ``export``,
    ``resume``, ``read_dbc``, ``col`` e ``example_data``. O que saber dos dados antes de contar está em ``docs/pt/data.md``.

    Exemplos
    --------
    >>> import datasus
    >>> client = datasus.open(folder)
    >>> client.query("SIH-RD", uf="AC", competencia="202401", columns=["CNES", "VAL_TOT"]).to_pandas().shape
    (100, 2)
    """,
    "open": """
    Abre o servidor do ministério (``datasus://``) ou um espelho dele, ou uma pasta de arquivos DBC, DBF ou Parquet,
    ou um arquivo só.

    O que fica de fora vem da sua variável ``DATASUS_*`` (``DATASUS_LAKE``, ``DATASUS_OUTPUT``, ...), ou é o padrão.

    Parâmetros
    ----------
    source : str ou caminho, ou uma lista deles
        ``datasus://``, ``ftp://servidor/pasta``, ``https://servidor/pasta/``, ou uma pasta. De vários, com a mesma árvore,
        cada um é tentado onde os anteriores não servem. Nada se lê, nem se pede a um servidor, antes que uma consulta peça.
    mirrors : lista de str, opcional
        Onde mais está a árvore de uma fonte como ``datasus://``, na ordem em que se tenta.
    home : str ou caminho, opcional
        Pasta do que é baixado: lake, trabalhos, listas, arquivos; ``datasus`` na pasta de dados do usuário.
    refresh : {"changed", "never", "always"}, opcional
        Quando se pergunta de novo a um servidor o que ele tem: passado ``refresh_after``, nunca, ou a cada consulta.
    refresh_after : float, opcional
        Segundos que uma lista vale; um dia.
    keep_files : bool, opcional
        Se os arquivos baixados ficam ao lado daquilo em que foram convertidos; falso.
    max_download : int, opcional
        Bytes que uma consulta pode baixar; 5 GB.
    transfers : int, opcional
        Arquivos que se baixam ao mesmo tempo, de 1 a 6; 2.
    ca : str ou caminho, opcional
        Arquivo PEM de autoridades aceitas além das do sistema, para fontes por HTTPS.
    declared : dicionário, opcional
        Datasets cujos arquivos têm nomes seus: ``{"SIH-RD": ["exports/*.parquet"], "SIM-DO": "mortes.csv"}``. Parquet ou CSV;
        as colunas do dataset dizem de que UF e mês é cada linha.
    tables : dicionário, opcional
        Tabelas suas para o SQL, por nome: um Parquet ou CSV, ou o que tem ``__arrow_c_stream__`` (pandas, polars, pyarrow).
    csv : dicionário, opcional
        Como são os CSV entre eles, pelo nome, quando não é o arquivo que diz: ``{"municipios": {"delimiter": ";", "encoding":
        "windows-1252", "types": {"populacao": "integer"}}}``. Tipos: ``text``, ``integer``, ``decimal(14,2)``, ``date``; o que
        não é do seu tipo é um erro.
    lake : str ou caminho, opcional
        Pasta dos Parquet convertidos; ``.datasus/lake`` dentro da pasta da fonte.
    output : str ou caminho, opcional
        Pasta abaixo da qual fica todo arquivo que um export grava; a atual.
    state : str ou caminho, opcional
        Pasta do que os trabalhos guardam para ser retomados, num sistema de arquivos local.
    spill : str ou caminho, opcional
        Pasta do que uma consulta passa para o disco; a temporária do sistema.
    memory_limit : int, opcional
        Bytes que uma consulta pode ocupar no motor; 45 % da memória da máquina ou do contêiner.
    spill_limit : int, opcional
        Bytes que uma consulta pode passar para o disco; 50 GB.
    postgres : str, opcional
        Endereço do servidor para os destinos que não nomeiam um; nunca mostrado.
    s3_endpoint : str, opcional
        Servidor de fontes, lakes e saídas ``s3://``, ``https://minio.exemplo:9000``; o da Amazon na região.
    s3_region : str, opcional
        Região dos baldes; a do perfil, ou ``us-east-1``.
    s3_path_style : bool, opcional
        Se o balde vai no caminho; verdadeiro com um ``s3_endpoint``.
    s3_key : str, opcional
        Chave de acesso; nunca mostrada.
    s3_secret : str, opcional
        Segredo da chave de acesso; nunca mostrado.
    s3_token : str, opcional
        Token de sessão de uma chave temporária; nunca mostrado.
    s3_profile : str, opcional
        Perfil de ``~/.aws/credentials`` cuja chave se usa.
    s3_credentials : {"keys", "instance"}, opcional
        De onde vêm as chaves: das configurações ou do perfil, ou do serviço de metadados da máquina.
    s3_ca : str ou caminho, opcional
        Arquivo de certificados de uma autoridade própria.
    s3_proxy : str, opcional
        Proxy destes pedidos; nunca mostrado.
    s3_timeout : float, opcional
        Segundos sem um byte até um pedido ser repetido; 30.
    remote_cache : str ou caminho, opcional
        Pasta de cópias do que está em outros armazenamentos; na pasta de cache do usuário.
    remote_cache_limit : int, opcional
        Bytes que essas cópias podem ter; 20 GB.
    cache_memory : int, opcional
        Bytes de respostas guardadas na memória; 64 MB, 0 para nenhum.
    cache_folder : str ou caminho, opcional
        Pasta de respostas que todos os processos do usuário partilham; nenhuma.
    cache_limit : int, opcional
        Bytes dessa pasta; 5 GB.
    cache_entry_limit : int, opcional
        Bytes de uma resposta acima dos quais ela não é guardada; 8 MB.
    cache_level : int, opcional
        Nível zstd das respostas guardadas, de 1 a 19; 1.
    redis : str, opcional
        Redis em que várias máquinas guardam respostas, ``redis://servidor:6379/0``; nunca mostrado.
    redis_secret : str, opcional
        Segredo de todos os clientes que partilham respostas no Redis, de ao menos 16 caracteres; nunca mostrado. O que foi
        feito sem ele é recusado.
    redis_level : int, opcional
        Nível zstd das respostas no Redis, de 1 a 19; ``cache_level``.
    redis_ca : str ou caminho, opcional
        Arquivo de certificados de uma autoridade própria para ``rediss://``.
    redis_ttl : float, opcional
        Segundos até o Redis esquecer uma resposta; um dia.
    rate_limit : int, opcional
        Consultas por minuto para cada ``rate_key``; 100, 0 para nenhum limite.
    processes : int, opcional
        Quantos processos servem juntos, como os de um serviço: cada um tem sua parte da memória e do limite; 1.
    deadline : float, opcional
        Segundos que qualquer consulta pode levar; um dia.
    threads : int, opcional
        Threads para a conversão e o motor; uma por núcleo.
    engine : str, opcional
        Um cluster em que as consultas rodam: ``sc://host:15002``, um servidor Spark Connect, com ``/;use_ssl=true;token=...``
        atrás onde ele os pede; este processo. SQL não vai para lá.
    engine_folder : str ou caminho, opcional
        Uma pasta que o cluster e esta máquina veem com o mesmo caminho: ali o cluster grava o que vai para arquivos e tabelas,
        seja quanto for; nenhuma, e até ``spill_limit`` vem pelo servidor.
    isolation : {"none", "process", "all"}, opcional
        O que roda num processo próprio, que lê os arquivos da consulta e mais nada: o SQL, ou tudo o que o motor roda; none.
    worker : str ou caminho, opcional
        O programa que roda ali: o ``datasus-worker`` desta versão; o que o pacote traz.
    max_priority : {"health", "admin", "user"}, opcional
        A classe mais urgente que uma consulta consegue.
    on_emergency : {"wait", "sample", "spill", "fail"}, opcional
        O que fazem as linhas de um dataset que se começa a ler com a memória quase esgotada, onde a consulta não diz: esperar
        (no máximo 30 s), ou ser uma amostra de um décimo, que se declara como tal.
    chunk_rows : int, opcional
        Máximo de linhas de um lote; 65.536.
    verify_crc : bool, opcional
        Se o CRC-32 de um DBC é conferido; sim.
    language : {"pt", "en"}, opcional
        Idioma dos textos para pessoas; português.
    progress : bool, opcional
        Se os trabalhos mostram uma barra de progresso; sem ele, em notebooks e terminais onde ``tqdm`` está instalado.

    Retorna
    -------
    Client
        Pode ser usado de qualquer thread, e em um ``with``.

    Exemplos
    --------
    >>> import datasus
    >>> with datasus.open(folder, language="en") as here:
    ...     here.query("SIH-RD", uf="AC", columns=["CNES", "VAL_TOT"]).to_arrow().num_rows
    300
    """,
    "example_data": """
    Grava arquivos inventados na forma dos do ministério, para experimentar.

    Todo registro é inventado; os nomes, as larguras e os códigos das colunas são os dos arquivos genuínos.

    Parâmetros
    ----------
    folder : str ou caminho
        Onde ficam; arquivos que já estão lá continuam como estão.
    rows : int
        Internações em cada arquivo de SIH-RD (AC e RR, janeiro a março de 2024); óbitos (SIM-DO de 2022) são o dobro,
        nascimentos (SINASC-DN de 2022), outros tantos, e os estabelecimentos (CNES-ST, CNES-LT de janeiro de 2024), sempre os
        mesmos.

    Retorna
    -------
    pathlib.Path
        A pasta.

    Exemplos
    --------
    >>> import datasus
    >>> sorted(file.name for file in datasus.example_data(folder).glob("*AC*"))[:2]
    ['DNAC2022.dbc', 'DOAC2022.dbc']
    """,
    "Client": """
    Uma fonte de arquivos do DATASUS, aberta por ``datasus.open``.

    Qualquer thread pode usá-la, e várias ao mesmo tempo. Num processo filho criado por fork, toda chamada levanta
    ``ForkError``.

    Exemplos
    --------
    >>> import datasus
    >>> client = datasus.open(folder)
    >>> valores = client.query("SIH-RD", uf="AC", group_by="CNES", aggregates={"valor": ("sum", "VAL_TOT")})
    >>> valores.to_pandas().columns.tolist()
    ['CNES', 'valor']
    """,
    "query": """
    Executa uma consulta; volta quando o esquema é conhecido, e as linhas vêm à medida que são tomadas.

    Arquivos que o lake ainda não tem são convertidos antes.

    Parâmetros
    ----------
    dataset : str ou dict, opcional
        ``"SIH-RD"``, ``"SIM-DO"``, ..., ou, para abreviar, ``"RD"`` ou ``"dengue"``; ou uma consulta inteira do contrato em
        JSON, como dicionário, texto ou modelo. Fica de fora com ``sql``.
    uf : str, int ou lista deles, opcional
        ``"SP"`` ou ``["SP", "RJ"]``, um nome (``"Acre"``) ou o código do IBGE (``12``); todas as que a fonte tem.
    competencia : opcional
        ``"2024-01"``, ``"01/2024"``, ``202401``, uma data, um ``pandas.Period``, ou um ano (``2024``: seus doze meses); uma
        lista deles, ou um par ``("2023-01", "2023-12")``, os dois incluídos. É o mês do processamento, não o do evento.
    columns : list de str, opcional
        Colunas da resposta; todas.
    labels : bool ou list de str, opcional
        ``True`` ou ``["SEXO"]`` acrescenta ``SEXO_rotulo``, as palavras para os códigos, como categoria. Rótulos e colunas
        derivadas (``idade_anos``) também podem ser nomeados em ``columns``.
    labels_only : bool, opcional
        Se os rótulos ficam no lugar de seus códigos.
    where : Filter, dict ou list, opcional
        ``col("VAL_TOT") > 1000``, ou, abreviado, ``{"SEXO": "3", "UF_ZI": ["120000", "140000"], "VAL_TOT": (0, 100)}``: um
        valor, uma lista deles, um par (os dois incluídos), None para sem valor.
    group_by : str ou list de str, opcional
        Colunas por que agrupar.
    aggregates : dict, opcional
        ``{"valor": ("sum", "VAL_TOT"), "n": "count(*)"}``: count, count_distinct, sum, avg, min, max.
    order_by : str ou list de str, opcional
        Colunas por que ordenar; ``"-valor"`` ordena de cima para baixo.
    limit : int, opcional
        Máximo de linhas da resposta.
    sql : str, opcional
        Um SELECT sobre as tabelas do catálogo (``sih_rd``, ``cnes_st``, ...), em vez de colunas e condições.
    bind : dict, opcional
        Valores dos parâmetros ``$nome`` do SQL.
    progress : bool, opcional
        Se mostra uma barra de progresso.
    **options
        Como é executada: as chaves de ``datasus.contract.Options``, como ``deadline=30`` ou ``missing="warn"``.

    Retorna
    -------
    Result
        As linhas.

    Exceções
    --------
    InvalidParams
        Com todos os problemas de uma vez.
    NotFound
        Faltam arquivos pedidos pelo nome; ``missing="warn"`` os lista no relatório em vez disso.
    DamagedFile
        Um arquivo não se consegue ler; ``partial=True`` o deixa de fora e o nomeia no relatório.

    Exemplos
    --------
    >>> from datasus import col
    >>> # IDADE sozinha não diz a idade, pode contar dias: idade_anos é feita dela e de COD_IDADE.
    >>> menores = col("idade_anos") < 18
    >>> criancas = client.query("SIH-RD", uf="AC", competencia="2024-01", columns=["COD_IDADE", "IDADE"], where=menores)
    >>> sorted(criancas.to_pandas()["COD_IDADE"].unique())
    ['2', '3', '4']
    >>> client.query(sql="SELECT count(*) AS n FROM sih_rd WHERE SEXO = $sexo", bind={"sexo": "3"}).to_arrow()["n"]
    <pyarrow.lib.ChunkedArray object at ...>
    [
      [
        300
      ]
    ]
    """,
    "submit": """
    Começa uma consulta para arquivos e tabelas, e volta na hora.

    Parâmetros
    ----------
    dataset, uf, competencia, columns, labels, labels_only, where, group_by, aggregates, order_by, limit, sql, bind
        Como em ``query``.
    to : str ou caminho, Csv, Parquet, Postgres, ou uma lista deles
        Para onde vão as linhas; todos numa só passagem. O fim de um caminho diz o que ele é: ``.csv``, ``.csv.zst``,
        ``.parquet``.
    **options
        Como em ``query``.

    Retorna
    -------
    Job
        Espere por ele, com ``wait`` ou ``await``, acompanhe-o ou cancele-o. Morto em qualquer instante, ele continua com
        ``resume``.

    Exemplos
    --------
    >>> import datasus
    >>> client.submit("SIH-RD", columns=["CNES"], to=[datasus.Csv("f.csv"), datasus.Parquet("f.parquet")]).wait().storage
    {'csv': 'f.csv', 'parquet': 'f.parquet'}
    """,
    "export": """
    O mesmo que ``submit``, e espera pelo relatório.

    Ctrl-C para o trabalho e guarda o que ele fez: o ``KeyboardInterrupt`` diz como retomá-lo com ``resume``, e tem o seu
    ``job_id``.

    Exemplos
    --------
    >>> import datasus
    >>> client.export("SIH-RD", columns=["CNES"], to=datasus.Parquet("g.parquet")).records_processed
    600
    """,
    "resume": """
    Continua um trabalho de onde ele parou: nada se perde, e nada vem em dobro.

    Exceções
    --------
    NotFound
        O trabalho não deixou nada.
    Conflict
        Ele está rodando, ou não pode continuar exatamente: uma fonte ou o destino mudou.

    Exemplos
    --------
    >>> for left in client.jobs():
    ...     if left.standing in ("crashed", "failed"):
    ...         report = client.resume(left.job_id).wait()
    """,
    "profile": """
    O que há nas colunas de um dataset, até onde UF, competência e condições o escolhem: NULL, valores distintos, de onde até
    onde vão, os mais frequentes com seus rótulos, códigos sem rótulo, valores que não se leram, o que muda de uma competência
    para a seguinte, e ``warnings``: o que olhar antes de analisar.

    Em português: ``datasus.ajuda("profile")``.

    Uma leitura só das linhas, numa memória limitada; Ctrl-C e ``deadline`` a terminam.

    Parâmetros
    ----------
    dataset, uf, competencia, columns, where
        Como em :meth:`query`; em ``columns`` cabem colunas derivadas (``idade_anos``).
    **options
        Como em :meth:`query`.

    Retorna
    -------
    Profile
        Uma tabela no caderno e no terminal; em linhas por ``to_pandas()``.

    Exemplos
    --------
    >>> profile = client.profile("SIH-RD", uf="AC")
    >>> profile.rows, profile.exact, [one.competencia for one in profile.competencias]
    (300, True, ['202401', '202402', '202403'])
    >>> [(one.value, one.label) for one in profile["SEXO"].frequent]
    [('1', 'Masculino'), ('3', 'Feminino')]
    """,
    "read_dbc": """
    Lê um arquivo DBC ou DBF direto para Arrow: sem lake, sem consulta, sem arquivo temporário.

    Parâmetros
    ----------
    path : str ou caminho
        O arquivo.
    columns : list de str, opcional
        Só estas, nesta ordem; as outras não são decodificadas. Rótulos e colunas derivadas entram pelo nome: ``idade_anos``.
    dataset : str, opcional
        De qual são os tipos das colunas, onde o nome do arquivo não diz: ``"SIH-RD"``.
    typed : bool
        True: números, dinheiro e dias têm os tipos do catálogo; um valor que não se lê é NULL, e contado em ``summary``.
        False: toda coluna é texto, como está no arquivo.
    verify_crc : bool
        True: um arquivo cujo CRC-32 não confere termina com ``DamagedFile``.
    batch_rows : int
        Linhas de um lote.
    encoding : {"latin-1", "cp850", "cp1252", "utf-8", "auto"}, opcional
        Em que o texto está escrito. ``"auto"`` lê o arquivo uma vez antes e diz em ``summary.warnings`` o que encontrou. None:
        Latin-1 para arquivos do catálogo, em que nunca se adivinha; ``"auto"`` para outros, como as tabelas do TabWin.
    partial : bool
        True: onde o cabeçalho declara mais registros do que há, leem-se os que há, com um aviso. False: um arquivo desses
        termina com ``DamagedFile``.
    labels : bool ou list de str, opcional
        Palavras no lugar dos códigos: True, ou uma lista de colunas, põe ``SEXO_rotulo`` ao lado de ``SEXO``. Um código sem
        rótulo é NULL, e contado em ``summary.unlabelled``.
    labels_only : bool
        True: o rótulo fica no lugar do código.
    language : {"pt", "en"}
        Idioma dos erros.

    Retorna
    -------
    FileRecords
        Tome-o com ``to_pandas()``, ``to_polars()``, ``to_arrow()``, ou lote a lote.

    Exemplos
    --------
    >>> import datasus
    >>> records = datasus.read_dbc(folder / "RDAC2401.dbc", columns=["CNES", "VAL_TOT"])
    >>> records.to_arrow().num_rows
    100
    >>> records.summary.crc
    'ok'
    >>> ages = datasus.read_dbc(folder / "RDAC2401.dbc", columns=["SEXO_rotulo", "idade_anos"]).to_arrow()
    >>> ages.slice(0, 2).to_pylist()
    [{'SEXO_rotulo': 'Masculino', 'idade_anos': 24}, {'SEXO_rotulo': 'Feminino', 'idade_anos': 41}]
    """,
    "col": """
    Começa uma condição sobre uma coluna.

    Parâmetros
    ----------
    name : str
        Uma coluna do dataset, em maiúsculas ou minúsculas.

    Retorna
    -------
    Column
        Compare-a com ``==``, ``!=``, ``<``, ``<=``, ``>``, ``>=``, ou por seus métodos.

    Exemplos
    --------
    >>> from datasus import col
    >>> col("VAL_TOT").between(0, 100) & (col("SEXO") == "3")
    Filter({'all': [{'column': 'VAL_TOT', 'op': 'between', 'value': [0, 100]}, {'column': 'SEXO', 'op': 'eq', 'value': '3'}]})
    """,
}
