"""`imagededup fastdup`: the runner over a work folder, with the parameters of fastdup."""

from typing import Annotated

import typer

__all__ = ["fastdup"]


def fastdup(
    input_dir: Annotated[
        str,
        typer.Argument(
            show_default=False,
            help="A folder, searched recursively, or a text file with one path per row. Mode 2 "
            "needs none.",
        ),
    ] = "",
    work_dir: Annotated[str, typer.Option("--work_dir", help="The folder of all results.")] = ".",
    compute: Annotated[str, typer.Option("--compute", help="cpu or gpu.")] = "cpu",
    verbose: Annotated[bool, typer.Option("--verbose", help="Say more.")] = False,
    num_threads: Annotated[
        int, typer.Option("--num_threads", help="Number of threads, -1 for all cores.")
    ] = -1,
    num_images: Annotated[
        int, typer.Option("--num_images", help="Most images to take, -1 for all.")
    ] = -1,
    turi_param: Annotated[
        str,
        typer.Option(
            "--turi_param",
            help="nnmodel=0|1|2,ccthreshold=0.96,run_cc=1,run_pagerank=1,run_degree=0",
        ),
    ] = "",
    distance: Annotated[
        str,
        typer.Option("--distance", help="cosine, euclidean, squared_euclidean or manhattan."),
    ] = "cosine",
    threshold: Annotated[
        float, typer.Option("--threshold", help="Smallest similarity that is stored, 0 to 1.")
    ] = 0.85,
    lower_threshold: Annotated[
        float, typer.Option("--lower_threshold", help="Fraction of images that are outliers.")
    ] = 0.3,
    model_path: Annotated[
        str | None, typer.Option("--model_path", help="An ONNX file of your own.")
    ] = None,
    nearest_neighbors_k: Annotated[
        int, typer.Option("--nearest_neighbors_k", help="Neighbours to look for, per image.")
    ] = 2,
    run_mode: Annotated[
        int,
        typer.Option(
            "--run_mode",
            help="0 all, 1 extract features, 2 search stored features, 3 score new images against "
            "a stored index, 4 score stored features against it.",
        ),
    ] = 0,
    nn_provider: Annotated[str, typer.Option("--nn_provider", help="faiss or turi.")] = "faiss",
    nnmodel: Annotated[
        str | None, typer.Option("--nnmodel", help="turi: brute_force, ball_tree or lsh.")
    ] = None,
    min_offset: Annotated[
        int, typer.Option("--min_offset", help="First image of the listing, from 0.")
    ] = -1,
    max_offset: Annotated[
        int, typer.Option("--max_offset", help="Image of the listing to stop before.")
    ] = -1,
    faiss_mode: Annotated[
        str, typer.Option("--faiss_mode", help="An index-factory string of faiss.")
    ] = "HNSW32",
    faiss_param: Annotated[
        str, typer.Option("--faiss_param", help="Search parameters: efSearch=175,nprobe=200")
    ] = "",
    bounding_box: Annotated[
        str, typer.Option("--bounding_box", help="rows=100,cols=100,width=250,height=310")
    ] = "",
) -> None:
    """Extract features into a work folder and find similarities, outliers and components.

    \b
    Examples:
      imagededup fastdup photos --work_dir=work
      imagededup fastdup photos --work_dir=work --run_mode=1 --min_offset=0 --max_offset=1000
      imagededup fastdup --work_dir=work --run_mode=2 --threshold=0.9
    """
    from imagededup.fastdup import run

    code = run(
        input_dir or None,
        work_dir,
        compute,
        verbose,
        num_threads,
        num_images,
        turi_param,
        distance,
        threshold,
        lower_threshold,
        model_path,
        nearest_neighbors_k=nearest_neighbors_k,
        run_mode=run_mode,
        nn_provider=nn_provider,
        nnmodel=nnmodel,
        min_offset=min_offset,
        max_offset=max_offset,
        faiss_mode=faiss_mode,
        faiss_param=faiss_param,
        bounding_box=bounding_box,
    )
    raise typer.Exit(code)
